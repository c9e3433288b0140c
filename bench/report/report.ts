import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RowResult } from '../measure/result.ts';
import { benchFolder } from '../processes/places.ts';

/** One run of the benchmark, as it is kept in `results/`. */
export interface Report {
  measuredAt: string;
  rounds: number;
  /** Of one measurement. */
  seconds: number;
  isLong: boolean;
  versions: Record<string, string>;
  rows: RowResult[];
}

/** What a part of the rows gave is not for the repository. Returns the file's path. */
export function keep(report: Report, isWhole: boolean): string {
  const folder = join(benchFolder, 'results');
  mkdirSync(folder, { recursive: true });
  const time = report.measuredAt.slice(0, 19).replaceAll(':', '-');
  const path = join(folder, isWhole ? `${time}.json` : `part-${time}.json`);
  writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`);
  return path;
}

export function readReport(path: string): Report {
  return JSON.parse(readFileSync(path, 'utf8'));
}
