import type { Clock } from '../../src/clock.ts';
import type { Timeline } from './timeline.ts';

/** The machine of one server process: everything that reaches the process passes through it. */
export interface Host {
  name: string;
  clock: Clock;
  /** Calls back in the process: later if it is paused then, never if it is killed before. The returned function cancels the call. */
  after(milliseconds: number, callback: () => void): () => void;
  pause(): void;
  resume(): void;
  kill(): void;
  isPaused(): boolean;
  isKilled(): boolean;
  /** When the process was last resumed, or else started. */
  runningSince(): number;
}

/** How the machine measures time. */
export interface ClockSkew {
  /** Difference between its time and the true time. */
  offsetMilliseconds: number;
  /** Its milliseconds per true millisecond. */
  rate: number;
}

/** 1 January 2027. */
export const START = Date.UTC(2027, 0, 1);

export function createHost(timeline: Timeline, name: string, { offsetMilliseconds, rate }: ClockSkew): Host {
  let state: 'running' | 'paused' | 'killed' = 'running';
  let runningSince = timeline.now();
  let held: (() => void)[] = [];

  function after(milliseconds: number, callback: () => void): () => void {
    let isCancelled = false;
    const call = () => {
      if (isCancelled || state === 'killed') return;
      if (state === 'paused') held.push(call);
      else callback();
    };
    const cancel = timeline.after(milliseconds, call);
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  const clock: Clock = {
    now: () => Math.floor(START + offsetMilliseconds + timeline.now() * rate),
    elapsed: () => timeline.now() * rate,
    after: (milliseconds, callback) => after(milliseconds / rate, callback),
    sleep: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const abort = () => {
          cancel();
          reject(signal?.reason);
        };
        const cancel = after(milliseconds / rate, () => {
          signal?.removeEventListener('abort', abort);
          resolve();
        });
        signal?.addEventListener('abort', abort);
      }),
  };

  return {
    name,
    clock,
    after,
    pause() {
      if (state === 'running') state = 'paused';
    },
    resume() {
      if (state !== 'paused') return;
      state = 'running';
      runningSince = timeline.now();
      // One event each, so that promises settle in between.
      for (const call of held) timeline.after(0, call);
      held = [];
    },
    kill() {
      state = 'killed';
      held = [];
    },
    isPaused: () => state === 'paused',
    isKilled: () => state === 'killed',
    runningSince: () => runningSince,
  };
}
