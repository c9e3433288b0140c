import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RowResult } from '../measure/result.ts';
import { benchFolder } from '../processes/folders.ts';

/** One run of the benchmark, as a file of `results/` stores it. */
export interface Report {
  /** ISO 8601. */
  measuredAt: string;
  rounds: number;
  /** Length of one measurement. */
  seconds: number;
  isLong: boolean;
  versions: Record<string, string>;
  rows: RowResult[];
}

/** Returns the path of the file. Git ignores reports of single rows. */
export function saveReport(report: Report, hasAllRows: boolean): string {
  const folder = join(benchFolder, 'results');
  mkdirSync(folder, { recursive: true });
  const time = report.measuredAt.slice(0, 19).replaceAll(':', '-');
  const path = join(folder, hasAllRows ? `${time}.json` : `part-${time}.json`);
  writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`);
  return path;
}

export function readReport(path: string): Report {
  return JSON.parse(readFileSync(path, 'utf8'));
}
