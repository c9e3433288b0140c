import { createRequire } from 'node:module';
import { defineConfig } from 'vitest/config';

const hookMilliseconds = 120_000;
const unitMilliseconds = 10_000;
const otherMilliseconds = 60_000;
/** Of several processes, each of which takes seconds to start where the machine has much else to do. */
const processMilliseconds = 180_000;

/** Of the integration tests those about what is stored. */
const storeFiles = [
  'test/integration/{runs,sessions,store,search}/**/!(sqlite-)*.test.ts',
  'test/integration/context/{branching,compaction,agents}.test.ts',
  'test/integration/**/postgres-*.test.ts',
];

/** Makes a Postgres for the tests of a project, or takes the one that `TEST_DATABASE_URL` names. */
const postgres = 'test/postgres/setup.ts';
const template = 'test/integration/template.ts';

/** Files share the process of their worker: to load the program for each of them would take as long as the tests. */
function project(name: string, include: string[], testTimeout = otherMilliseconds, globalSetup: string[] = []) {
  return { extends: true as const, test: { name, include, testTimeout, globalSetup, isolate: false } };
}

/** The gateways of the tests run on this store. */
function onStore(store: 'sqlite' | 'postgresql', { extends: inherits, test }: ReturnType<typeof project>) {
  return { extends: inherits, test: { ...test, provide: { store } } };
}

/** These start and kill real processes, and wait for them more than they work. */
function processProject(name: string, include: string[], globalSetup: string[] = []) {
  const { extends: inherits, test } = project(name, include, processMilliseconds, [
    'test/e2e/build.ts',
    ...globalSetup,
  ]);
  return { extends: inherits, test };
}

export default defineConfig({
  // Vite would take the ES module of this package where Node takes the CommonJS one, and two copies do not know each other.
  resolve: { alias: [{ find: /^graphql$/, replacement: createRequire(import.meta.url).resolve('graphql') }] },
  test: {
    pool: 'forks',
    // Two servers, their clients and a database are as much as two cores carry without time-outs.
    maxWorkers: 2,
    // A test that passes only the second time is a finding, not a pass.
    retry: 0,
    dangerouslyIgnoreUnhandledErrors: false,
    hookTimeout: hookMilliseconds,
    teardownTimeout: 30_000,
    projects: [
      project('layout', ['test/layout.test.ts', 'test/layout/**/*.test.ts']),
      project('unit', ['test/unit/**/*.test.ts'], unitMilliseconds),
      project('contract', ['test/contract/**/*.test.ts'], otherMilliseconds, [postgres]),
      project('property', ['test/property/**/*.test.ts']),
      onStore(
        'sqlite',
        project('integration', ['test/integration/**/!(postgres-)*.test.ts'], otherMilliseconds, [template]),
      ),
      onStore('postgresql', project('postgres', storeFiles, otherMilliseconds, [postgres])),
      // All of the tests above on Postgres; not part of `npm test`, which takes those that the store could make fail.
      onStore(
        'postgresql',
        project('postgres-all', ['test/integration/**/!(sqlite-)*.test.ts'], otherMilliseconds, [postgres]),
      ),
      processProject('e2e', ['test/e2e/**/*.test.ts'], [postgres]),
      // Not part of `npm test`: it needs a browser (npm run test:browser).
      processProject('browser', ['test/browser/**/*.test.ts']),
    ],
  },
});
