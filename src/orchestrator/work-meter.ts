import type { Clock } from '../clock.ts';

/** Measures how long a run has been at work. */
export interface WorkMeter {
  /** @param before milliseconds at work before */
  begin(before: number): void;
  /** Null before the beginning. */
  milliseconds(): number | null;
  /** Stands still from now on. Has no effect if it does already. */
  pause(): void;
  /** Goes on. Has no effect if it does already. */
  proceed(): void;
}

export function createWorkMeter(clock: Pick<Clock, 'elapsed'>): WorkMeter {
  /** What `clock.elapsed` was when the run had been at work for no time; null before the beginning. */
  let origin: number | null = null;
  let pausedAt: number | null = null;
  return {
    begin(before) {
      origin = clock.elapsed() - before;
    },
    milliseconds: () => (origin === null ? null : Math.round((pausedAt ?? clock.elapsed()) - origin)),
    pause() {
      pausedAt ??= clock.elapsed();
    },
    proceed() {
      if (origin !== null && pausedAt !== null) origin += clock.elapsed() - pausedAt;
      pausedAt = null;
    },
  };
}
