import type { Database } from '../database/database.ts';
import type { ExecutionSlot, SlotSource, StartableRun } from '../run-store/execution-slot.ts';
import { firstLease, holdsLease, type Lease, type LeaseTerm, nextEpoch, nextLease } from './leases.ts';
import type { ClaimScope } from './run-claimer.ts';

/** Places for runs that are being recorded. */
export interface ExecutionSlots extends SlotSource {
  /** Those that are given and not settled. */
  count(): number;
  /** Whether this run has one of them. */
  has(runId: string): boolean;
  /** Resolves when all that were given so far are settled. */
  settled(): Promise<void>;
}

interface PlacesOptions {
  term(): LeaseTerm;
  hasRoom(): boolean;
  start(lease: Lease): void;
  /** Has somebody look for runs: a place was not used after all, or one that has begun may be without an executor. */
  look(what: ClaimScope): void;
}

export function createExecutionSlots(
  { store }: { store: { database: Pick<Database, 'query'> } },
  { term, hasRoom, start, look }: PlacesOptions,
): ExecutionSlots {
  const open = new Map<Promise<void>, string>();

  function openPlace(runId: string): () => void {
    let settle = () => {};
    const settled = new Promise<void>((resolve) => {
      settle = resolve;
    });
    open.set(settled, runId);
    return () => {
      open.delete(settled);
      settle();
    };
  }

  /** The lease of a run that had one before is taken only where nobody else has it at that moment. */
  async function startIfHeld(lease: Lease, leave: () => void): Promise<void> {
    // Where the store can not be read, whose it is will be found out when it can.
    const isHeld = await holdsLease(store.database, term().holder, lease).catch(() => false);
    if (isHeld) start(lease);
    else look('open');
    leave();
  }

  function placeOf({ runId, sessionId }: StartableRun, epoch: number): ExecutionSlot {
    const leave = openPlace(runId);
    const lease: Lease = { runId, sessionId, epoch, lost: false };
    return {
      lease: epoch === 1 ? firstLease(term(), runId) : nextLease(term(), lease),
      begin() {
        if (epoch > 1) return void startIfHeld(lease, leave);
        start(lease);
        leave();
      },
      release() {
        leave();
        look('waiting');
      },
    };
  }

  return {
    first: (run) => (hasRoom() ? placeOf(run, 1) : null),
    async next(run) {
      if (!hasRoom()) return null;
      const epoch = await nextEpoch(store.database, run.runId);
      return epoch !== null && hasRoom() ? placeOf(run, epoch) : null;
    },
    count: () => open.size,
    has: (runId) => [...open.values()].includes(runId),
    async settled() {
      await Promise.all(open.keys());
    },
  };
}
