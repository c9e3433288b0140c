import { createRequire } from 'node:module';
import { defineConfig } from 'vitest/config';

/** Runs the test files that .ci/test-mutations.mjs selects: a mutant would take ten times as long with all of them. */
export default defineConfig({
  // Two copies of graphql-js in one process do not work together. See vitest.config.ts.
  resolve: { alias: [{ find: /^graphql$/, replacement: createRequire(import.meta.url).resolve('graphql') }] },
  test: {
    include: process.env.MUTATIONS_TESTS?.split(';') ?? ['test/unit/**/*.test.ts'],
    isolate: false,
    testTimeout: 10_000,
  },
});
