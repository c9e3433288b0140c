import type { Clock } from '../clock.ts';

/** Calls back once, after a time in which pauses do not count. */
export interface PausableTimeout {
  /** Pauses until the work is settled. */
  pauseDuring<Result>(work: () => Promise<Result>): Promise<Result>;
  stop(): void;
}

export function createPausableTimeout(
  clock: Pick<Clock, 'after' | 'elapsed'>,
  milliseconds: number,
  onTimeout: () => void,
): PausableTimeout {
  let left = milliseconds;
  let startedAt = clock.elapsed();
  let cancel = clock.after(left, onTimeout);
  let pauses = 0;
  let isStopped = false;
  return {
    async pauseDuring(work) {
      if (pauses === 0) {
        cancel();
        left = Math.max(0, left - (clock.elapsed() - startedAt));
      }
      pauses += 1;
      try {
        return await work();
      } finally {
        pauses -= 1;
        if (pauses === 0 && !isStopped) {
          startedAt = clock.elapsed();
          cancel = clock.after(left, onTimeout);
        }
      }
    },
    stop() {
      isStopped = true;
      cancel();
    },
  };
}
