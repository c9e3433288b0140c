// Plants faults with Stryker and counts those that the unit tests notice: `npm run test:mutations [part ...]`. See docs/testing.md.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const root = dirname(import.meta.dirname);

/**
 * The files of src that each part mutates, and the test files that it runs. They are few, because each mutant starts them
 * again. A mutant that only another test notices counts as survived.
 */
const parts = {
  'domain/events': [['domain/events.ts'], ['journal/stored-events', 'domain/{transcript,unseen-input}']],
  'domain/search': [['domain/search/*.ts'], ['search/*']],
  'domain/secrets': [['domain/secrets/*.ts'], ['domain/*secrets']],
  'domain/run': [
    ['domain/run.ts', 'domain/step.ts'],
    ['domain/!(*secrets|refusal-messages|page|paging-bounds|limit-messages)'],
  ],
  domain: [['domain/!(events|run|step).ts'], ['domain/!(*secrets)']],
  'policy/request': [['policy/cedar-request.ts'], ['policy/cedar-request']],
  policy: [['policy/!(cedar-request).ts'], ['policy/!(policy-page|cedar-request)']],
  'journal/codec': [['journal/codec.ts'], ['journal/*']],
  journal: [['journal/!(codec).ts'], ['journal/*', 'run-store/*', 'streams/*']],
  'run-store': [['run-store/*.ts'], ['run-store/*', 'streams/*']],
  streams: [['streams/**/*.ts'], ['streams/*', 'graphql/{follow-approvals,subscribe}']],
  'server/access': [['server/access/**/*.ts'], ['server/*', 'config/access-config']],
  orchestrator: [['orchestrator/**/*.ts'], ['orchestrator/*']],
};

function selectParts(names) {
  const selected = Object.keys(parts).filter(
    (part) => names.length === 0 || names.some((name) => part === name || part.startsWith(`${name}/`)),
  );
  const unknown = names.filter((name) => !selected.some((part) => part === name || part.startsWith(`${name}/`)));
  if (unknown.length === 0) return selected;
  console.error(`Unknown part: ${unknown.join(', ')}. The parts are ${Object.keys(parts).join(', ')}.`);
  process.exit(1);
}

/** Runs Stryker and returns its report, or null if it wrote none. */
async function mutate(part, folder) {
  const [sources, tests] = parts[part];
  const report = join(folder, `${part.replaceAll('/', '-')}.json`);
  const files = sources.map((source) => `src/${source}`).join(',');
  const child = spawn(
    process.execPath,
    [
      join(root, 'node_modules/@stryker-mutator/core/bin/stryker.js'),
      'run',
      '.ci/stryker.config.mjs',
      '--mutate',
      files,
    ],
    {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: {
        ...process.env,
        MUTATIONS_REPORT: report,
        MUTATIONS_TESTS: tests.map((test) => `test/unit/${test}.test.ts`).join(';'),
      },
    },
  );
  await once(child, 'close');
  try {
    return JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    return null;
  }
}

const noticed = new Set(['Killed', 'Timeout']);
const missed = new Set(['Survived', 'NoCoverage']);

function row(name, mutants) {
  const count = (statuses) => mutants.filter(({ status }) => statuses.has(status)).length;
  const [killed, survived] = [count(noticed), count(missed)];
  const score = killed + survived === 0 ? '-' : `${((100 * killed) / (killed + survived)).toFixed(1)} %`;
  return `${name.padEnd(48)}${String(killed).padStart(8)}${String(survived).padStart(10)}${score.padStart(9)}`;
}

const folder = mkdtempSync(join(tmpdir(), 'runtape-mutations-'));
const rows = [];
for (const part of selectParts(process.argv.slice(2))) {
  console.log(`\n=== ${part} ===`);
  const report = await mutate(part, folder);
  if (report === null) {
    rows.push(`${part.padEnd(48)}  Stryker wrote no report`);
    process.exitCode = 1;
    continue;
  }
  const files = Object.entries(report.files);
  rows.push(
    row(
      part,
      files.flatMap(([, { mutants }]) => mutants),
    ),
  );
  for (const [path, { mutants }] of files) rows.push(row(`  ${path}`, mutants));
}
rmSync(folder, { recursive: true, force: true });
console.log(`\n${'part'.padEnd(48)}${'killed  survived    score'.padStart(27)}`);
for (const line of rows) console.log(line);
