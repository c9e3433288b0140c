// Runs the parts of the test suite one after another, continues after a failure, and prints a table and one line of totals.
// `node .ci/test.mjs unit contract` runs only those parts.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { filesBelow } from './files.mjs';

const root = dirname(import.meta.dirname);
/** A part that takes longer is killed, so that the others still run. */
const partMilliseconds = 20 * 60_000;

const reportFolder = mkdtempSync(join(tmpdir(), 'runtape-test-'));

const none = { passed: 0, failed: 0, skipped: 0 };

/** Runs a script of an installed package with this Node and this terminal. Resolves with null, or with the failure as text. */
function run(script, ...parameters) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(root, 'node_modules', script), ...parameters], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      timeout: partMilliseconds,
      killSignal: 'SIGKILL',
    });
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) =>
      resolve(code === 0 ? null : signal ? `killed by ${signal}` : `exit code ${code}`),
    );
  });
}

/** A check that passes or fails as a whole. */
function check(name, script, ...parameters) {
  return {
    name,
    async perform() {
      const failure = await run(script, ...parameters);
      return failure === null ? { ...none, passed: 1 } : { ...none, failed: 1, note: failure };
    },
  };
}

function hasTestFiles(folder) {
  return existsSync(join(root, folder)) && filesBelow(join(root, folder)).some((file) => file.endsWith('.test.ts'));
}

/** The counts of vitest's report. A file that failed without a failed test, for example while loading, counts as one failure. */
function countsOf(report) {
  const counts = { ...none };
  for (const file of report.testResults) {
    if (file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed')) counts.failed++;
    for (const test of file.assertionResults) {
      if (test.status === 'passed') counts.passed++;
      else if (test.status === 'failed') counts.failed++;
      else counts.skipped++;
    }
  }
  return counts;
}

/** One vitest project. */
function tests(name, folder = `test/${name}`) {
  return {
    name,
    async perform() {
      if (!hasTestFiles(folder)) return { ...none, note: `${folder} has no test files` };
      const file = join(reportFolder, `${name}.json`);
      const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
      const failure = await run('vitest/vitest.mjs', 'run', '--project', name, ...reporters);
      if (!existsSync(file))
        return { ...none, failed: 1, note: `vitest wrote no report (${failure ?? 'exit code 0'})` };
      const counts = countsOf(JSON.parse(readFileSync(file, 'utf8')));
      if (failure !== null && counts.failed === 0) {
        return { ...counts, failed: 1, note: `failed outside a test: ${failure}` };
      }
      if (counts.passed + counts.failed === 0) return { ...counts, failed: 1, note: 'no test ran' };
      return counts;
    },
  };
}

const printSchema = 'src/graphql/print-schema.ts';

/** Compares the committed schema with the schema of the program. */
const sdl = {
  name: 'sdl',
  async perform() {
    if (!existsSync(join(root, printSchema))) return { ...none, skipped: 1, note: `${printSchema} does not exist` };
    return check('sdl', 'tsx/dist/cli.mjs', printSchema, '--check').perform();
  },
};

const parts = [
  check('types', 'typescript/bin/tsc', '-p', '.', '--noEmit'),
  check('lint', '@biomejs/biome/bin/biome', 'check', '--error-on-warnings'),
  check('dead code', 'knip/bin/knip.js', '--no-progress'),
  tests('layout', 'test'),
  tests('unit'),
  tests('contract'),
  tests('property'),
  tests('integration'),
  tests('postgres', 'test/integration'),
  tests('e2e'),
  sdl,
];

function selectParts(names) {
  const known = new Map(parts.map((part) => [part.name.replaceAll(' ', '-'), part]));
  const unknown = names.filter((name) => !known.has(name.replaceAll(' ', '-')));
  if (unknown.length > 0) {
    console.error(`Unknown part: ${unknown.join(', ')}. The parts are ${[...known.keys()].join(', ')}.`);
    process.exit(1);
  }
  return names.length === 0 ? parts : names.map((name) => known.get(name.replaceAll(' ', '-')));
}

function row({ name, seconds, counts: { passed, failed, skipped, note } }) {
  const result = failed > 0 ? 'FAILED' : passed > 0 ? 'passed' : 'not run';
  const numbers = [passed, failed, skipped].map((number) => String(number).padStart(8)).join('');
  const time = `${seconds.toFixed(1)} s`.padStart(9);
  return `${name.padEnd(12)} ${result.padEnd(8)}${numbers}${time}${note ? `   ${note}` : ''}`;
}

const selected = selectParts(process.argv.slice(2));
const results = [];
for (const part of selected) {
  console.log(`\n=== ${part.name} ===`);
  const start = performance.now();
  const counts = await part.perform();
  if (counts.note) console.log(`${part.name}: ${counts.note}`);
  results.push({ name: part.name, seconds: (performance.now() - start) / 1000, counts });
}
rmSync(reportFolder, { recursive: true, force: true });

const total = (kind) => results.reduce((sum, { counts }) => sum + counts[kind], 0);
console.log(
  `\n${'part'.padEnd(12)} ${'result'.padEnd(8)}${'passed  failed skipped'.padStart(24)}${'time'.padStart(9)}`,
);
for (const result of results) console.log(row(result));
const skipped = total('skipped');
console.log(`\n${total('passed')} passed, ${total('failed')} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = total('failed') > 0 ? 1 : 0;
