// Runs the parts of the test suite, three at a time, continues after a failure, and prints a table, the failures and the totals.
// `node .ci/test.mjs unit contract` runs only those parts. `--config <file>` uses another configuration of vitest.
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runScript } from './child.mjs';
import { runProjects } from './vitest.mjs';

const { values: options, positionals: names } = parseArgs({
  options: { config: { type: 'string' } },
  allowPositionals: true,
});

/** A second worker loads the program again, which takes seconds of CPU time. That is worth it for a part that runs alone. */
const workers = names.length === 1 ? 2 : 1;
const none = { passed: 0, failed: 0, skipped: 0, failures: [] };

/** A check that passes or fails as a whole. */
function check(name, script, ...parameters) {
  return {
    name,
    async perform(output) {
      const failure = await runScript(script, parameters, { output });
      return failure === null ? { ...none, passed: 1 } : { ...none, failed: 1, failures: [failure] };
    },
  };
}

/**
 * A type check of a project. One thread takes less CPU time than several, each of which checks common types again. What was found is
 * kept, so that the next run checks only files that have changed, and files that depend on them.
 */
function typeCheck(name, project) {
  const found = `node_modules/.cache/types/${project === '.' ? 'main' : project}.tsbuildinfo`;
  return check(
    name,
    'typescript/bin/tsc',
    ...['-p', project, '--noEmit', '--singleThreaded', '--incremental', '--tsBuildInfoFile', found],
  );
}

/** One vitest project. */
function tests(name) {
  return { name, perform: (output) => runProjects([name], { config: options.config, output, workers }) };
}

/** The longest parts come first: a long part at the end would run alone. */
const parts = [
  tests('e2e'),
  tests('integration'),
  tests('browser'),
  tests('postgres'),
  tests('contract'),
  check('runner', 'tsx/dist/cli.mjs', '--test', 'test/runner/runner.mjs', 'test/runner/until.mjs'),
  tests('property'),
  tests('unit'),
  tests('simulation'),
  check('lint', '@biomejs/biome/bin/biome', 'check', '--error-on-warnings'),
  check('dead code', 'knip/bin/knip.js', '--no-progress'),
  typeCheck('types', '.'),
  typeCheck('client types', 'client'),
  typeCheck('console types', 'console'),
  check('sdl', 'tsx/dist/cli.mjs', 'src/graphql/print-schema.ts', '--check'),
  tests('layout'),
];

/** These run only when they are named. */
const otherParts = [tests('postgres-all')];

/** The named parts, or all. */
function selectParts(requested) {
  const known = new Map([...parts, ...otherParts].map((part) => [part.name.replaceAll(' ', '-'), part]));
  const unknown = requested.filter((name) => !known.has(name.replaceAll(' ', '-')));
  if (unknown.length > 0) {
    console.error(`Unknown part: ${unknown.join(', ')}. The parts are ${[...known.keys()].join(', ')}.`);
    process.exit(1);
  }
  return requested.length === 0 ? [...parts] : requested.map((name) => known.get(name.replaceAll(' ', '-')));
}

/** Runs a part. With another part beside it, its output is printed when it has ended, so that lines do not mix. */
async function run(part, isAlone) {
  const start = performance.now();
  const folder = mkdtempSync(join(tmpdir(), 'runtape-output-'));
  const path = join(folder, 'output');
  const output = isAlone ? 'inherit' : openSync(path, 'w');
  if (isAlone) console.log(`\n=== ${part.name} ===`);
  const counts = await part.perform(output);
  if (!isAlone) {
    closeSync(output);
    console.log(`\n=== ${part.name} ===\n${readFileSync(path, 'utf8')}`);
  }
  rmSync(folder, { recursive: true });
  return { name: part.name, seconds: (performance.now() - start) / 1000, counts };
}

function row({ name, seconds, counts: { passed, failed, skipped } }) {
  const result = failed > 0 ? 'FAILED' : passed > 0 ? 'passed' : 'not run';
  const numbers = [passed, failed, skipped].map((number) => String(number).padStart(8)).join('');
  const time = `${seconds.toFixed(1)} s`.padStart(9);
  return `${name.padEnd(12)} ${result.padEnd(8)}${numbers}${time}`;
}

const waiting = selectParts(names);
/** Two cores are busy with three parts, because most parts also wait for timers, processes and disks. */
const concurrency = Math.min(3, waiting.length);
const results = [];

async function runWaiting() {
  for (let part = waiting.shift(); part; part = waiting.shift()) results.push(await run(part, concurrency === 1));
}

await Promise.all(Array.from({ length: concurrency }, runWaiting));

const total = (kind) => results.reduce((sum, { counts }) => sum + counts[kind], 0);
console.log(
  `\n${'part'.padEnd(12)} ${'result'.padEnd(8)}${'passed  failed skipped'.padStart(24)}${'time'.padStart(9)}`,
);
for (const result of results) {
  console.log(row(result));
  for (const failure of result.counts.failures) console.log(`  ${failure}`);
}
const skipped = total('skipped');
console.log(`\n${total('passed')} passed, ${total('failed')} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = total('failed') > 0 ? 1 : 0;
