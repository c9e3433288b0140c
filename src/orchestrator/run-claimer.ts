import { createOutageLog } from '../logger.ts';
import type { OrchestratorDependencies } from './dependencies.ts';
import { anyRunPending, claimLeases, type Lease, type LeaseTerm } from './leases.ts';

export interface RunClaimer {
  /** Looks for runs to execute, now or right after the look under way. */
  soon(what: ClaimScope): void;
  /** The same after a while, or sooner where somebody else asked for that. */
  within(milliseconds: number): void;
  /** Resolves when no look is under way. */
  idle(): Promise<void>;
}

/**
 * `waiting`: a session or a place has become free, which concerns those that wait in line; `open`: any run may be without an
 * executor.
 */
export type ClaimScope = 'waiting' | 'open';

/**
 * Runs that are being started at a time: however long the queue is, the first of them do not wait for the last ones, and a
 * new message, which needs no claim, waits for these only.
 */
const STARTED_AT_ONCE = 64;

interface ClaimOptions {
  term(): LeaseTerm;
  isRunning(): boolean;
  /** Runs in work now, and those of them that have not begun a step. */
  running(): number;
  starting(): number;
  start(lease: Lease): void;
}

export function createRunClaimer(
  { store, clock, settings, logger }: OrchestratorDependencies,
  options: ClaimOptions,
): RunClaimer {
  const outage = createOutageLog(logger, 'claiming runs');
  let looking: Promise<void> | null = null;
  let sought: ClaimScope | null = null;
  /** Whether the last look left something for want of room. */
  let isMore = false;

  async function look(): Promise<void> {
    while (sought !== null && options.isRunning()) {
      const room = settings.maxConcurrentRuns - options.running();
      const limit = Math.min(room, STARTED_AT_ONCE - options.starting());
      // A look costs the same for one run as for many.
      const isWorthIt = limit >= Math.min(room, STARTED_AT_ONCE / 2) && limit > 0;
      if (!isWorthIt) isMore = true;
      const wanted = sought;
      sought = null;
      if (!isWorthIt) return;
      try {
        if (wanted === 'waiting' && !isMore && !(await anyRunPending(store.database))) return;
        const leases = await claimLeases(store.database, options.term(), limit);
        outage.worked();
        leases.forEach(options.start);
        isMore = leases.length === limit;
        if (isMore) sought ??= 'open';
      } catch (error) {
        outage.failed(error);
      }
    }
  }

  function soon(what: ClaimScope): void {
    if (sought !== 'open') sought = what;
    if (!options.isRunning()) return;
    looking ??= look().finally(() => {
      looking = null;
      // Asked between the end of the look and here.
      if (sought !== null) soon(sought);
    });
  }

  let planned: { at: number; cancel(): void } | null = null;

  function within(milliseconds: number): void {
    const at = clock.elapsed() + milliseconds;
    if (planned && planned.at <= at) return;
    planned?.cancel();
    const cancel = clock.after(milliseconds, () => {
      planned = null;
      soon('open');
    });
    planned = { at, cancel };
  }

  return {
    soon,
    within,
    async idle() {
      await looking;
    },
  };
}
