import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

const hookMilliseconds = 120_000;
const unitMilliseconds = 10_000;
const otherMilliseconds = 60_000;
/** Tests of several processes, each of which may take seconds to start on a busy machine. */
const processMilliseconds = 180_000;

/**
 * The integration tests that also run on Postgres: those of concurrency, and those without which a statement would not run there.
 * docs/testing.md says how they were selected.
 */
const storeFiles = [
  'test/integration/{sessions,store}/!(sqlite-)*.test.ts',
  'test/integration/search/!(embeddings|sessions).test.ts',
  'test/integration/attachments/lifetime.test.ts',
  'test/integration/client/runs.test.ts',
  'test/integration/runs/{approvals,budgets,*idempotency,golden-tape,races,run-lists,shared-execution,usage-report}.test.ts',
  'test/integration/**/postgres-*.test.ts',
];

/** Starts a Postgres for the tests of a project, or uses the one that `TEST_DATABASE_URL` names. */
const postgres = 'test/postgres/setup.ts';
/** Creates the database file whose copies tests on SQLite use. */
const template = 'test/sqlite-template.ts';

/**
 * Compiled modules, which the projects share and the next run uses again. Vitest compares a module's text and this file. What else a
 * module is compiled with names the folder.
 */
const compiler = ['node_modules/.package-lock.json', 'tsconfig.json', 'client/tsconfig.json', 'console/tsconfig.json'];
const compilerHash = createHash('sha256');
for (const path of compiler) compilerHash.update(readFileSync(join(import.meta.dirname, path)));
const compiledModules = join(
  import.meta.dirname,
  'node_modules/.cache/vitest',
  compilerHash.digest('hex').slice(0, 16),
);

/** Test files share a process: loading the program for each file would take as long as the tests. */
function project(name: string, include: string[], testTimeout = otherMilliseconds, globalSetup: string[] = []) {
  return { extends: true as const, test: { name, include, testTimeout, globalSetup, isolate: false } };
}

/** The test gateways of this project use this database. */
function onDatabase(store: 'sqlite' | 'postgresql', { test }: ReturnType<typeof project>) {
  return { extends: true as const, test: { ...test, provide: { store } } };
}

/** Tests that start and kill processes of the built program. */
function processProject(name: string, include: string[], globalSetup: string[] = []) {
  return project(name, include, processMilliseconds, ['test/e2e/build.ts', ...globalSetup]);
}

/** Tests that import the built program. Node loads it as it is. */
function loadingTheBuild({ test }: ReturnType<typeof project>) {
  return { extends: true as const, test: { ...test, server: { deps: { external: [/\/dist\/\w+\.js$/] } } } };
}

export default defineConfig({
  // Vite resolves `graphql` to its ES modules, Node to CommonJS. Two copies of graphql-js in one process do not work together.
  resolve: {
    alias: [
      { find: /^graphql$/, replacement: createRequire(import.meta.url).resolve('graphql') },
      // A thread that compiles its module takes a second of CPU time.
      { find: /^(\.\.\/)+worker\.ts$/, replacement: join(import.meta.dirname, 'test/bundled-worker.ts') },
      {
        find: /^@prisma\/client\/runtime\/query_compiler_small_bg\.(\w+)\.mjs$/,
        replacement: join(import.meta.dirname, 'test/query-compilers/$1.mjs'),
      },
    ],
  },
  test: {
    pool: 'forks',
    // Loading the program costs a worker seconds of CPU time, so `.ci/test.mjs` runs several parts at a time instead.
    maxWorkers: 1,
    experimental: { fsModuleCache: true, fsModuleCachePath: compiledModules },
    // A test that passes only when it is repeated is broken.
    retry: 0,
    dangerouslyIgnoreUnhandledErrors: false,
    hookTimeout: hookMilliseconds,
    teardownTimeout: 30_000,
    projects: [
      project('layout', ['test/layout.test.ts', 'test/layout/**/*.test.ts']),
      project('unit', ['test/unit/**/*.test.ts'], unitMilliseconds),
      project('contract', ['test/contract/**/*.test.ts'], otherMilliseconds, [postgres, template]),
      project('property', ['test/property/**/*.test.ts']),
      project('simulation', ['test/simulation/**/*.test.ts']),
      onDatabase(
        'sqlite',
        project('integration', ['test/integration/**/!(postgres-)*.test.ts'], otherMilliseconds, [template]),
      ),
      onDatabase('postgresql', project('postgres', storeFiles, otherMilliseconds, [postgres])),
      // Every integration test on Postgres. Not part of `npm test`.
      onDatabase(
        'postgresql',
        project('postgres-all', ['test/integration/**/!(sqlite-)*.test.ts'], otherMilliseconds, [postgres]),
      ),
      processProject('e2e', ['test/e2e/**/*.test.ts'], [postgres]),
      loadingTheBuild(processProject('browser', ['test/browser/**/*.test.ts'], ['test/browser/setup.ts'])),
    ],
  },
});
