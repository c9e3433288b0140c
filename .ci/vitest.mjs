// Runs projects of vitest and judges them by the report, the unhandled errors and the exit code. Each of them alone has shown
// success after a failure: an exit hook can replace the exit code, and vitest reports "passed" for a worker that crashed.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runScript } from './child.mjs';

/**
 * Resolves with the counts of tests by result, and with a line for each failure: a failed or unfinished test, a file that did
 * not load or finish, an unhandled error, an error outside the tests. `failed` counts these lines.
 */
export async function runProjects(names, { config, environment = {}, output = 'inherit', workers = 1 } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'runtape-test-'));
  const path = join(folder, 'report.json');
  try {
    const exit = await runScript(
      'vitest/vitest.mjs',
      [
        'run',
        ...(config ? ['--config', config] : []),
        ...names.flatMap((name) => ['--project', name]),
        `--maxWorkers=${workers}`,
        // A forgotten `test.only` would skip the other tests.
        '--allowOnly=false',
        '--reporter=default',
        '--reporter=./.ci/reporter.mjs',
      ],
      { environment: { ...environment, RUNTAPE_TEST_REPORT: path }, output },
    );
    return judge(existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : null, exit, names);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param exit null for success, or how the process of vitest failed */
function judge(report, exit, names) {
  if (report === null) {
    return { passed: 0, failed: 1, skipped: 0, failures: [`vitest wrote no report (${exit ?? 'exit code 0'})`] };
  }
  const { files, unhandledErrors, reason } = report;
  const count = (state) => files.flatMap(({ tests }) => tests).filter((test) => test.state === state).length;
  const failures = [
    ...names.flatMap((name) => failuresOfProject(name, files)),
    ...unhandledErrors.map((message) => `unhandled error: ${message}`),
  ];
  if (failures.length === 0 && exit !== null) failures.push(`error outside the tests: ${exit}`);
  if (failures.length === 0 && reason !== 'passed') failures.push(`vitest ended with "${reason}"`);
  return { passed: count('passed'), failed: failures.length, skipped: count('skipped'), failures };
}

function failuresOfProject(name, files) {
  const own = files.filter(({ project }) => project === name);
  // Without a single test, for example because the set-up failed, a line for each file would say nothing more.
  if (own.every(({ tests, errors }) => tests.length === 0 && errors.length === 0)) return [`${name}: no test ran`];
  return own.flatMap(failuresOfFile);
}

function failuresOfFile({ project, path, state, tests, errors }) {
  const file = `${project}: ${path}`;
  const failures = errors.map((message) => `${file}: ${message}`);
  for (const test of tests) {
    if (test.state === 'failed') failures.push(`${file} > ${test.name}: ${test.errors[0] ?? 'failed'}`);
    if (test.state === 'pending') failures.push(`${file} > ${test.name}: did not finish`);
  }
  const isFinished = ['passed', 'failed', 'skipped'].includes(state);
  if (!isFinished || (state === 'failed' && failures.length === 0)) {
    failures.push(`${file}: ${isFinished ? 'failed' : 'did not finish'}`);
  }
  return failures;
}
