import type { Database } from '../database/database.ts';
import type { ClaimableRun, ClaimNow, ExecutionSlot } from '../run-store/execution-slot.ts';
import { firstLease, holdsLease, type Lease, type LeaseTerm, nextEpoch, nextLease } from './leases.ts';
import type { ClaimScope } from './run-claimer.ts';

/** Slots that are claimed for runs while these are being recorded. */
export interface ExecutionSlots {
  claim: ClaimNow;
  /** Slots that are claimed and not yet started or released. */
  count(): number;
  /** Whether such a slot belongs to this run. */
  has(runId: string): boolean;
  /** Resolves when the slots that were claimed so far are started or released. */
  settled(): Promise<void>;
}

interface ExecutionSlotsOptions {
  database: Pick<Database, 'query'>;
  term(): LeaseTerm;
  hasRoom(): boolean;
  start(lease: Lease): void;
  /** Searches for runs: a slot was released, or the lease of a run that continues went to nobody. */
  requestClaim(scope: ClaimScope): void;
}

export function createExecutionSlots(options: ExecutionSlotsOptions): ExecutionSlots {
  const { database, term, hasRoom, start, requestClaim } = options;
  const claimed = new Map<Promise<void>, string>();

  /** Counts a slot until the returned function is called. */
  function occupy(runId: string): () => void {
    let settle = () => {};
    const settled = new Promise<void>((resolve) => {
      settle = resolve;
    });
    claimed.set(settled, runId);
    return () => {
      claimed.delete(settled);
      settle();
    };
  }

  /** The next lease of a run is written only if no other server held it at that moment. */
  async function startIfHeld(lease: Lease, vacate: () => void): Promise<void> {
    // When the database cannot be read, a search finds out later who holds the lease.
    const isHeld = await holdsLease(database, term().holder, lease).catch(() => false);
    if (isHeld) start(lease);
    else requestClaim('open');
    vacate();
  }

  function createSlot({ runId, sessionId }: ClaimableRun, epoch: number): ExecutionSlot {
    const vacate = occupy(runId);
    const lease: Lease = { runId, sessionId, epoch, lost: false, alone: false, suspicion: 0 };
    return {
      lease: epoch === 1 ? firstLease(term(), runId) : nextLease(term(), lease),
      start() {
        if (epoch > 1) return void startIfHeld(lease, vacate);
        start(lease);
        vacate();
      },
      release() {
        vacate();
        requestClaim('waiting');
      },
    };
  }

  async function claimWaiting(run: ClaimableRun): Promise<ExecutionSlot | null> {
    const epoch = await nextEpoch(database, run.runId);
    return epoch !== null && hasRoom() ? createSlot(run, epoch) : null;
  }

  return {
    claim(run, kind) {
      if (!hasRoom()) return null;
      return kind === 'new' ? createSlot(run, 1) : claimWaiting(run);
    },
    count: () => claimed.size,
    has: (runId) => [...claimed.values()].includes(runId),
    async settled() {
      await Promise.all(claimed.keys());
    },
  };
}
