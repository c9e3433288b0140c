import { createRequire } from 'node:module';
import { defineConfig } from 'vitest/config';

const include = process.env.MUTATIONS_TESTS?.split(';') ?? ['test/unit/**/*.test.ts'];
/** Other tests may need the database file whose copies tests on SQLite use. Creating it takes a second in each process. */
const globalSetup = include.every((path) => path.startsWith('test/unit/')) ? [] : ['test/sqlite-template.ts'];

/** Runs the test files that .ci/test-mutations.mjs selects: a mutant would take ten times as long with all of them. */
export default defineConfig({
  // Two copies of graphql-js in one process do not work together. See vitest.config.ts.
  resolve: { alias: [{ find: /^graphql$/, replacement: createRequire(import.meta.url).resolve('graphql') }] },
  test: {
    include,
    globalSetup,
    // Tests that run on both stores leave Postgres out.
    provide: { store: 'sqlite' },
    isolate: false,
    testTimeout: 10_000,
  },
});
