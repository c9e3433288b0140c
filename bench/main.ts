import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { now } from './measure/clock.ts';
import type { RowResult } from './measure/result.ts';
import { createSaturationCheck } from './measure/saturation.ts';
import { startProcess } from './processes/child.ts';
import { benchFolder } from './processes/folders.ts';
import { type Report, readReport, saveReport } from './report/report.ts';
import { reportText, rowText, summary } from './report/tables.ts';
import { versions } from './report/versions.ts';
import type { Row } from './rows/row.ts';
import { rows } from './rows/rows.ts';

const USAGE = `Usage: npm run bench -- [options]

  --list              list the rows
  --only <row>        measure this row; can be repeated
  --rounds <n>        number of rounds (3)
  --seconds <n>       length of one measurement (1.25)
  --long              also measure sizes that take minutes
  --print <file>      print a file of bench/results as Markdown, and measure nothing
`;

/** The processes of the last row alone do not cause a higher load average. */
const BUSY_LOAD_AVERAGE = 4;

const options = {
  list: { type: 'boolean' },
  long: { type: 'boolean' },
  help: { type: 'boolean' },
  only: { type: 'string', multiple: true },
  print: { type: 'string' },
  rounds: { type: 'string', default: '3' },
  seconds: { type: 'string', default: '1.25' },
} as const;

interface Settings {
  rounds: number;
  seconds: number;
  isLong: boolean;
}

function selectRows(names: readonly string[]): readonly Row[] {
  const unknown = names.filter((name) => !rows.some((row) => row.name === name));
  if (unknown.length > 0) throw new Error(`Unknown row: ${unknown.join(', ')}. Use --list to list the rows.`);
  return names.length === 0 ? rows : rows.filter(({ name }) => names.includes(name));
}

/** Other programs distort what is measured. */
function busyNotes(): string[] {
  const [load = 0] = loadavg();
  return load > BUSY_LOAD_AVERAGE ? [`the load average was ${load.toFixed(1)} when this row began`] : [];
}

async function measure(selected: readonly Row[], settings: Settings): Promise<RowResult[]> {
  const model = await startProcess({ script: `${benchFolder}/model/fake-model.mjs`, folder: benchFolder });
  const results: RowResult[] = [];
  for (const row of selected) {
    console.log(`\n${row.name}: ${row.description}`);
    const begin = now();
    const saturation = createSaturationCheck({ 'the fake model': model.processId });
    const busy = busyNotes();
    const log = (line: string) => console.log(`  ${line}`);
    const measured = await row.measure({ ...settings, modelUrl: `${model.url}/v1`, saturation, log });
    const result = { ...measured, notes: [...measured.notes, ...saturation.notes(), ...busy] };
    results.push(result);
    console.log(`\n${rowText(result)}\n\n${row.name} took ${Math.round((now() - begin) / 1000)} s.`);
  }
  await model.stop();
  return results;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options });
  if (values.help) return void process.stdout.write(USAGE);
  if (values.list) {
    for (const { name, description } of rows) console.log(`${name.padEnd(20)} ${description}`);
    return;
  }
  if (values.print) return void console.log(reportText(readReport(values.print)));
  const settings = {
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
    isLong: values.long ?? false,
  };
  const selected = selectRows(values.only ?? []);
  const measuredAt = new Date().toISOString();
  const report: Report = { measuredAt, ...settings, versions: versions(), rows: await measure(selected, settings) };
  const path = saveReport(report, selected.length === rows.length);
  console.log(`\n${summary(report)}\n\nSaved to ${path}`);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
await main();
