import type { WaitOutcome } from '../../src/domain/events.ts';

/** How a wait was settled, as it was acknowledged. */
export interface Settlement {
  outcome: WaitOutcome;
  /** An answer, an output or an error as JSON; null for all other outcomes. */
  value: string | null;
}

/** What clients observed. All of it must still be true after every crash. */
export interface Observations {
  /** Texts of acknowledged messages, by run. */
  sent: Map<string, string>;
  /** Runs of acknowledged steering messages, by text. */
  steered: Map<string, string>;
  /** Acknowledged settlements, by wait. */
  settled: Map<string, Settlement>;
  /** Runs whose cancellation was acknowledged. */
  cancelled: Set<string>;
  /** Hashes of the events that a subscriber received, by run; index 0 is seq 1. */
  received: Map<string, string[]>;
  /** Everything that already proved wrong, one line for each problem. */
  problems: string[];
}

export const createObservations = (): Observations => ({
  sent: new Map(),
  steered: new Map(),
  settled: new Map(),
  cancelled: new Set(),
  received: new Map(),
  problems: [],
});

/** Records a received event. A gap or a duplicate is a problem. */
export function recordEvent(observations: Observations, runId: string, seq: number, hash: string): void {
  const hashes = observations.received.get(runId) ?? [];
  if (seq !== hashes.length + 1)
    observations.problems.push(`${runId}: event ${seq} was received after event ${hashes.length}`);
  hashes.push(hash);
  observations.received.set(runId, hashes);
}

/** A reproducible random number generator: mulberry32 by Tommy Ettinger, public domain. Returns numbers in [0, 1). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
