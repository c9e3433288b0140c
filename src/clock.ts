import { setTimeout as sleep } from 'node:timers/promises';

/** Where time comes from. Nothing else in the program reads the time or sets a timer. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Milliseconds from an arbitrary start, for measuring durations. */
  elapsed(): number;
  /** Calls back once after `milliseconds`, unless the returned function is called before. */
  after(milliseconds: number, callback: () => void): () => void;
  /** Resolves after `milliseconds`; rejects with the signal's reason where it aborts before. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's time. Its timers keep no process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds);
    timer.unref();
    return () => clearTimeout(timer);
  },
  async sleep(milliseconds, signal) {
    try {
      await sleep(milliseconds, undefined, { signal, ref: false });
    } catch (error) {
      throw signal?.aborted ? signal.reason : error;
    }
  },
};
