// Plants faults with Stryker and counts those that the unit tests notice: `npm run test:mutations [--quick] [part ...]`. See docs/testing.md.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const root = dirname(import.meta.dirname);

/**
 * The files that each part mutates, and the files in `test` that it runs. They are few, because each mutant starts them again. A
 * mutant that only another test notices counts as survived. Contract tests run on SQLite only.
 */
const parts = {
  'domain/events': [
    ['src/domain/events.ts'],
    ['unit/journal/stored-events', 'unit/domain/{run,transcript,unseen-input}'],
  ],
  'domain/search': [['src/domain/search/*.ts'], ['unit/search/*']],
  'domain/secrets': [['src/domain/secrets/*.ts'], ['unit/domain/*secrets']],
  'domain/run': [
    ['src/domain/run.ts', 'src/domain/step.ts'],
    ['unit/domain/!(*secrets|refusal-messages|page|paging-bounds|limit-messages)'],
  ],
  domain: [['src/domain/!(events|run|step).ts'], ['unit/domain/!(*secrets)', 'unit/application/metadata']],
  'policy/request': [['src/policy/cedar-request.ts'], ['unit/policy/cedar-request']],
  policy: [['src/policy/!(cedar-request).ts'], ['unit/policy/!(policy-page|cedar-request)']],
  'journal/codec': [['src/journal/codec.ts'], ['unit/journal/*']],
  'journal/tapes': [['src/journal/database-journal.ts', 'src/journal/tape-reader.ts'], ['contract/sqlite-journal']],
  journal: [
    ['src/journal/!(codec|database-journal|tape-reader).ts'],
    ['unit/journal/!(stored-events)', 'contract/memory-journal'],
  ],
  'run-store/stored': [
    ['src/run-store/!(run-store|append-rows|execution-slot).ts'],
    ['contract/stores/{closing-sessions,rebuilding,row-comparison,run-rows}'],
  ],
  'run-store': [['src/run-store/run-store.ts', 'src/run-store/append-rows.ts'], ['unit/run-store/*']],
  streams: [['src/streams/**/*.ts'], ['unit/streams/*', 'unit/graphql/{follow-approvals,subscribe}']],
  'server/access': [['src/server/access/**/*.ts'], ['unit/server/*', 'unit/config/access-config']],
  'orchestrator/stored': [
    ['src/orchestrator/spending.ts', 'src/orchestrator/leases.ts', 'src/orchestrator/lease-statements.ts'],
    ['contract/stores/{spending,leases,suspects}'],
  ],
  orchestrator: [['src/orchestrator/**/!(spending|leases|lease-statements).ts'], ['unit/orchestrator/*']],
  'models/provider': [['src/models/*.ts', 'src/models/provider/*.ts'], ['unit/models/**/*']],
  observation: [['src/observation/*.ts'], ['unit/observation/*']],
  config: [
    ['src/config/!(limits|print-config-schema).ts'],
    ['unit/config/!(configuration-page)', 'unit/models/catalogue'],
  ],
  application: [['src/application/**/*.ts'], ['unit/application/*']],
  'client/run': [['client/src/run/*.ts', 'client/src/waits/*.ts'], ['unit/client/*']],
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
  const child = spawn(
    process.execPath,
    [
      join(root, 'node_modules/@stryker-mutator/core/bin/stryker.js'),
      'run',
      '.ci/stryker.config.mjs',
      '--mutate',
      sources.join(','),
      ...(isQuick ? ['--ignoreStatic'] : []),
    ],
    {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: {
        ...process.env,
        MUTATIONS_REPORT: report,
        MUTATIONS_TESTS: tests.map((test) => `test/${test}.test.ts`).join(';'),
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
/** Stryker could not run the tests, so nobody knows. */
const unknown = new Set(['RuntimeError', 'CompileError']);

function row(name, mutants) {
  const count = (statuses) => mutants.filter(({ status }) => statuses.has(status)).length;
  const [killed, survived, failed] = [noticed, missed, unknown].map(count);
  const score = killed + survived === 0 ? '-' : `${((100 * killed) / (killed + survived)).toFixed(1)} %`;
  return `${name.padEnd(48)}${String(killed).padStart(8)}${String(survived).padStart(10)}${String(failed).padStart(9)}${score.padStart(9)}`;
}

const options = process.argv.slice(2);
/** Leaves out mutants of code that runs while a file loads, such as a regular expression: each needs a process of its own. */
const isQuick = options.includes('--quick');
const folder = mkdtempSync(join(tmpdir(), 'runtape-mutations-'));
const rows = [];
for (const part of selectParts(options.filter((option) => option !== '--quick'))) {
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
console.log(`\n${'part'.padEnd(48)}${'killed  survived  unknown    score'.padStart(36)}`);
for (const line of rows) console.log(line);
