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

/** Milliseconds of processor time that this process has used, with all of its threads. A frozen process uses none. */
export function processorMilliseconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

const LONGEST_TIMER_MILLISECONDS = 2 ** 31 - 1;

/** Keeps the process running until the work has settled, also while nothing but timers of the clock are set. Settles as it does. */
export async function keepRunning<T>(work: Promise<T>): Promise<T> {
  const timer = setInterval(() => undefined, LONGEST_TIMER_MILLISECONDS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}

/** Time of one turn of the event loop for the work that waited for it. The rest waits for another turn. */
const TURN_MILLISECONDS = 5;

/**
 * Returns a function that resolves in another turn of the event loop, after pending timers and sockets have been served, in the order
 * of the calls. In each turn at least one call resolves, and no further one once those before have worked for TURN_MILLISECONDS:
 * many short steps in one turn would delay timers and sockets as much as one long step.
 */
export function createTurns(elapsed: () => number): () => Promise<void> {
  const waiting: (() => void)[] = [];
  let startedAt: number | null = null;
  const endTurn = () => {
    startedAt = null;
  };
  function resumeNext(): void {
    const now = elapsed();
    if (startedAt === null) {
      startedAt = now;
      setImmediate(endTurn);
    }
    if (now - startedAt < TURN_MILLISECONDS) waiting.shift()?.();
    else setImmediate(resumeNext);
  }
  return () =>
    new Promise((resolve) => {
      waiting.push(resolve);
      setImmediate(resumeNext);
    });
}

export const nextTurn = createTurns(systemClock.elapsed);

/** Lets other work run between the steps of a long one. */
export async function inTurns<Result>(steps: Generator<void, Result>): Promise<Result> {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    await nextTurn();
  }
}
