import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { createLoadWatch } from './measure/load-watch.ts';
import type { RowResult } from './measure/result.ts';
import { start } from './processes/child.ts';
import { benchFolder } from './processes/places.ts';
import { keep, type Report, readReport } from './report/report.ts';
import { reportText, rowText, summary } from './report/tables.ts';
import { versions } from './report/versions.ts';
import type { Row } from './rows/row.ts';
import { rows } from './rows/rows.ts';

const USAGE = `Usage: npm run bench -- [options]

  --list              the rows
  --only <row>        this row alone; may be given again
  --rounds <n>        rounds in turn (3)
  --seconds <n>       of one measurement (1.5)
  --long              also what takes minutes
  --print <file>      a file of bench/results as Markdown, without measuring anything
`;

/** The benchmark's own processes leave less behind. */
const BUSY = 4;

const options = {
  list: { type: 'boolean' },
  long: { type: 'boolean' },
  help: { type: 'boolean' },
  only: { type: 'string', multiple: true },
  print: { type: 'string' },
  rounds: { type: 'string', default: '3' },
  seconds: { type: 'string', default: '1.5' },
} as const;

interface Settings {
  rounds: number;
  seconds: number;
  isLong: boolean;
}

function chosenRows(names: readonly string[]): readonly Row[] {
  const unknown = names.filter((name) => !rows.some((row) => row.name === name));
  if (unknown.length > 0) throw new Error(`No such row: ${unknown.join(', ')}. --list names them.`);
  return names.length === 0 ? rows : rows.filter(({ name }) => names.includes(name));
}

/** Who measures while others work measures them too. */
function busyText(): string[] {
  const [load = 0] = loadavg();
  return load > BUSY ? [`the machine had other work: a load of ${load.toFixed(1)} when this row began`] : [];
}

async function measure(chosen: readonly Row[], settings: Settings): Promise<RowResult[]> {
  const model = await start({ script: `${benchFolder}/model/fake-model.mjs`, folder: benchFolder });
  const results: RowResult[] = [];
  for (const row of chosen) {
    console.log(`\n${row.name}: ${row.about}`);
    const watch = createLoadWatch({ 'the fake model': model.processId });
    const busy = busyText();
    const say = (line: string) => console.log(`  ${line}`);
    const measured = await row.measure({ ...settings, modelUrl: `${model.url}/v1`, watch, say });
    const result = { ...measured, notes: [...measured.notes, ...watch.notes(), ...busy] };
    results.push(result);
    console.log(`\n${rowText(result)}`);
  }
  await model.stop();
  return results;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options });
  if (values.help) return void process.stdout.write(USAGE);
  if (values.list) {
    for (const { name, about } of rows) console.log(`${name.padEnd(18)} ${about}`);
    return;
  }
  if (values.print) return void console.log(reportText(readReport(values.print)));
  const settings = {
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
    isLong: values.long ?? false,
  };
  const chosen = chosenRows(values.only ?? []);
  const measuredAt = new Date().toISOString();
  const report: Report = { measuredAt, ...settings, versions: versions(), rows: await measure(chosen, settings) };
  const path = keep(report, chosen.length === rows.length);
  console.log(`\n${summary(report)}\n\nKept in ${path}`);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
await main();
