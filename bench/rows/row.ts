import type { LoadWatch } from '../measure/load-watch.ts';
import type { RowResult } from '../measure/result.ts';

/** What a row finds when it is measured. */
export interface Bench {
  /** Of the fake model, up to and without `/chat/completions`. */
  modelUrl: string;
  rounds: number;
  /** Of one measurement. */
  seconds: number;
  /** Whether what takes minutes is wanted too. */
  isLong: boolean;
  watch: LoadWatch;
  /** Shown while it goes on. */
  say(line: string): void;
}

export interface Row {
  name: string;
  /** What it is about, in a few words. */
  about: string;
  measure(bench: Bench): Promise<RowResult>;
}
