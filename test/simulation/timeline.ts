/** The true time of a simulation and everything that will happen in it. */
export interface Timeline {
  /** Milliseconds since the simulation began. */
  now(): number;
  /** Calls back once after `milliseconds`. The returned function cancels the call. */
  after(milliseconds: number, callback: () => void): () => void;
  /** Moves to the next event, performs it, and waits until no promise can go on without another event. False if there is none. */
  step(): Promise<boolean>;
  /** Events performed so far. */
  steps(): number;
}

interface TimelineEvent {
  at: number;
  /** Events of the same time happen in the order of their creation. */
  order: number;
  callback: () => void;
}

export function createTimeline(): Timeline {
  const events = new Set<TimelineEvent>();
  let now = 0;
  let created = 0;
  let steps = 0;

  function takeNext(): TimelineEvent | null {
    let next: TimelineEvent | null = null;
    for (const event of events) {
      if (next === null || event.at < next.at || (event.at === next.at && event.order < next.order)) next = event;
    }
    if (next) events.delete(next);
    return next;
  }

  return {
    now: () => now,
    after(milliseconds, callback) {
      created += 1;
      const event = { at: now + Math.max(0, milliseconds), order: created, callback };
      events.add(event);
      return () => events.delete(event);
    },
    async step() {
      const event = takeNext();
      if (!event) return false;
      now = event.at;
      steps += 1;
      event.callback();
      await settlePromises();
      return true;
    },
    steps: () => steps,
  };
}

const realImmediate = globalThis.setImmediate;
const immediates: (() => void)[] = [];

/** Runs `work` while turns of the event loop, which group commit waits for, are performed by `settlePromises`. */
export async function withSimulatedTurns<Result>(work: () => Promise<Result>): Promise<Result> {
  const simulated = (callback: () => void) => void immediates.push(callback);
  globalThis.setImmediate = simulated as unknown as typeof setImmediate;
  try {
    return await work();
  } finally {
    globalThis.setImmediate = realImmediate;
    for (const callback of immediates.splice(0)) callback();
  }
}

/** Resolves when every promise waits for an event of the timeline. Needs `withSimulatedTurns`. */
async function settlePromises(): Promise<void> {
  for (;;) {
    // Node runs all callbacks of settled promises before the next turn.
    await new Promise<void>((resolve) => realImmediate(resolve));
    const turn = immediates.splice(0);
    if (turn.length === 0) return;
    for (const callback of turn) callback();
  }
}
