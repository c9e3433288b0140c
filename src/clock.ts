import { setTimeout as sleep } from 'node:timers/promises';

/** The source of time: nothing else in the program reads the time or sets a timer. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Milliseconds from an arbitrary start, for measuring durations. */
  elapsed(): number;
  /** Calls back once after `milliseconds`. The returned function cancels the call. */
  after(milliseconds: number, callback: () => void): () => void;
  /** Resolves after `milliseconds`. If the signal aborts first, it rejects with the signal's reason. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's time. Its timers do not keep the process running. */
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

/** Resolves in the next turn of the event loop, after pending timers and sockets have been served. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
