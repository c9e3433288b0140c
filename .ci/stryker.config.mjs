import { join } from 'node:path';

// Options of Stryker for .ci/test-mutations.mjs, which passes the files to mutate. Mutants are not type-checked.
export default {
  testRunner: 'vitest',
  vitest: { configFile: '.ci/vitest.mutations.config.mjs', related: false },
  plugins: ['@stryker-mutator/vitest-runner', join(import.meta.dirname, 'stryker-ignore.mjs')],
  ignorers: ['descriptions'],
  coverageAnalysis: 'perTest',
  concurrency: 2,
  // Milliseconds beyond the usual time of the tests. A mutant that takes longer counts as noticed, so a slow machine needs many.
  timeoutMS: 30_000,
  incremental: false,
  // A file that does not exist: Stryker would rewrite tsconfig.json with the compiler API, which TypeScript 7 does not have.
  tsconfigFile: 'none',
  tempDirName: '.stryker-tmp',
  // Folders that no test of a part reads, and links to folders, which Stryker cannot copy.
  ignorePatterns: ['.stryker-tmp', 'dist', 'data', 'bench', 'prisma/*/models', 'test/{e2e,soak,browser}'],
  reporters: ['clear-text', 'progress-append-only', 'json'],
  clearTextReporter: {
    allowColor: false,
    allowEmojis: false,
    logTests: false,
    reportTests: false,
    reportScoreTable: false,
  },
  jsonReporter: { fileName: process.env.MUTATIONS_REPORT ?? '.stryker-tmp/report.json' },
  allowConsoleColors: false,
  warnings: { slow: false },
};
