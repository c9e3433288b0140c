import { onTestFinished } from 'vitest';
import { type Clock, systemClock } from '../../src/clock.ts';

export interface StoppableClock extends Clock {
  /**
   * Runs `work` while no timer fires, and fires the timers that became due afterwards. What `work` waits for cannot depend on
   * any amount of time.
   */
  withoutTimers<Result>(work: () => Promise<Result>): Promise<Result>;
}

/** The system clock, with timers that a test can stop. */
export function createStoppableClock(): StoppableClock {
  let isStopped = false;
  const due = new Set<() => void>();
  const after: Clock['after'] = (milliseconds, callback) => {
    const fire = () => {
      if (isStopped) due.add(callback);
      else callback();
    };
    const cancel = systemClock.after(milliseconds, fire);
    return () => {
      cancel();
      due.delete(callback);
    };
  };

  function resume(): void {
    isStopped = false;
    const callbacks = [...due];
    due.clear();
    for (const callback of callbacks) callback();
  }

  return {
    ...systemClock,
    after,
    sleep: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const abort = () => {
          cancel();
          reject(signal?.reason);
        };
        const cancel = after(milliseconds, () => {
          signal?.removeEventListener('abort', abort);
          resolve();
        });
        signal?.addEventListener('abort', abort, { once: true });
      }),
    async withoutTimers(work) {
      isStopped = true;
      // If the test times out, its server needs timers to close.
      onTestFinished(resume);
      try {
        return await work();
      } finally {
        resume();
      }
    },
  };
}
