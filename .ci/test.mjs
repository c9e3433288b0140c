// Runs the parts of the test suite one after another, continues after a failure, and prints a table, the failures and the totals.
// `node .ci/test.mjs unit contract` runs only those parts. `--config <file>` uses another configuration of vitest.
import { parseArgs } from 'node:util';
import { runScript } from './child.mjs';
import { runProjects } from './vitest.mjs';

const { values: options, positionals: names } = parseArgs({
  options: { config: { type: 'string' } },
  allowPositionals: true,
});

const none = { passed: 0, failed: 0, skipped: 0, failures: [] };

/** A check that passes or fails as a whole. */
function check(name, script, ...parameters) {
  return {
    name,
    async perform() {
      const failure = await runScript(script, parameters);
      return failure === null ? { ...none, passed: 1 } : { ...none, failed: 1, failures: [failure] };
    },
  };
}

/** One vitest project. */
function tests(name) {
  return { name, perform: () => runProjects([name], { config: options.config }) };
}

const parts = [
  check('types', 'typescript/bin/tsc', '-p', '.', '--noEmit'),
  check('client types', 'typescript/bin/tsc', '-p', 'client'),
  check('console types', 'typescript/bin/tsc', '-p', 'console', '--noEmit'),
  check('lint', '@biomejs/biome/bin/biome', 'check', '--error-on-warnings'),
  check('dead code', 'knip/bin/knip.js', '--no-progress'),
  check('runner', 'tsx/dist/cli.mjs', '--test', 'test/runner/runner.mjs', 'test/runner/until.mjs'),
  tests('layout'),
  tests('unit'),
  tests('contract'),
  tests('property'),
  tests('simulation'),
  tests('integration'),
  tests('postgres'),
  tests('e2e'),
  tests('browser'),
  check('sdl', 'tsx/dist/cli.mjs', 'src/graphql/print-schema.ts', '--check'),
];

/** These run only when they are named. */
const otherParts = [tests('postgres-all')];

function selectParts(requested) {
  const known = new Map([...parts, ...otherParts].map((part) => [part.name.replaceAll(' ', '-'), part]));
  const unknown = requested.filter((name) => !known.has(name.replaceAll(' ', '-')));
  if (unknown.length > 0) {
    console.error(`Unknown part: ${unknown.join(', ')}. The parts are ${[...known.keys()].join(', ')}.`);
    process.exit(1);
  }
  return requested.length === 0 ? parts : requested.map((name) => known.get(name.replaceAll(' ', '-')));
}

function row({ name, seconds, counts: { passed, failed, skipped } }) {
  const result = failed > 0 ? 'FAILED' : passed > 0 ? 'passed' : 'not run';
  const numbers = [passed, failed, skipped].map((number) => String(number).padStart(8)).join('');
  const time = `${seconds.toFixed(1)} s`.padStart(9);
  return `${name.padEnd(12)} ${result.padEnd(8)}${numbers}${time}`;
}

const selected = selectParts(names);
const results = [];
for (const part of selected) {
  console.log(`\n=== ${part.name} ===`);
  const start = performance.now();
  const counts = await part.perform();
  results.push({ name: part.name, seconds: (performance.now() - start) / 1000, counts });
}

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
