import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../src/clock.ts';

export interface FakeClock extends Clock {
  /**
   * Moves the time forward. Calls the timers that become due, in order, and lets the promises they settle run before the next
   * timer.
   */
  advance(milliseconds: number): Promise<void>;
  /** The number of timers that are set. */
  pending(): number;
}

/** A clock that stands still until a test advances it. */
export function createFakeClock(start = 0): FakeClock {
  let now = start;
  const timers = new Set<{ at: number; callback: () => void }>();
  const after: Clock['after'] = (milliseconds, callback) => {
    const timer = { at: now + milliseconds, callback };
    timers.add(timer);
    return () => timers.delete(timer);
  };
  return {
    now: () => now,
    elapsed: () => now - start,
    after,
    sleep: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const abort = () => {
          stop();
          reject(signal?.reason);
        };
        const stop = after(milliseconds, () => {
          signal?.removeEventListener('abort', abort);
          resolve();
        });
        signal?.addEventListener('abort', abort);
      }),
    async advance(milliseconds) {
      const end = now + milliseconds;
      for (;;) {
        await setImmediate();
        const [next] = [...timers].filter(({ at }) => at <= end).sort((one, other) => one.at - other.at);
        if (next === undefined) break;
        timers.delete(next);
        now = Math.max(now, next.at);
        next.callback();
      }
      now = end;
    },
    pending: () => timers.size,
  };
}
