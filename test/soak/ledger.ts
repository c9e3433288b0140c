/** What clients were told. After every crash all of it must still be true. */
export interface Ledger {
  /** Runs whose message was acknowledged, with its text. */
  sent: Map<string, string>;
  /** Texts whose steering was acknowledged, with their run. */
  steered: Map<string, string>;
  /** Decisions that were acknowledged, by approval. */
  decided: Map<string, 'ALLOWED' | 'DENIED'>;
  cancelled: Set<string>;
  /** Hashes of the events that a subscriber was shown, by run; index 0 is seq 1. */
  seen: Map<string, string[]>;
  faults: string[];
}

export const createLedger = (): Ledger => ({
  sent: new Map(),
  steered: new Map(),
  decided: new Map(),
  cancelled: new Set(),
  seen: new Map(),
  faults: [],
});

/** Notes an event that was shown; one that leaves a gap, or comes twice, is a fault. */
export function show(ledger: Ledger, runId: string, seq: number, hash: string): void {
  const hashes = ledger.seen.get(runId) ?? [];
  if (seq !== hashes.length + 1) ledger.faults.push(`${runId}: ${seq} was shown behind ${hashes.length}`);
  hashes.push(hash);
  ledger.seen.set(runId, hashes);
}

/** Numbers that the same seed gives again: mulberry32 by Tommy Ettinger, public domain. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
