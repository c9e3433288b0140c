import type { RowResult } from '../measure/result.ts';
import type { SaturationCheck } from '../measure/saturation.ts';

/** The settings and services of the benchmark for one row. */
export interface BenchContext {
  /** Address of the fake model, without `/chat/completions`. */
  modelUrl: string;
  rounds: number;
  /** Length of one measurement. */
  seconds: number;
  /** Whether to measure sizes that take minutes. */
  isLong: boolean;
  saturation: SaturationCheck;
  /** Prints a line of progress. */
  log(line: string): void;
}

export interface Row {
  name: string;
  description: string;
  measure(bench: BenchContext): Promise<RowResult>;
}
