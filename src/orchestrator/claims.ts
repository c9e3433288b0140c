import { createOutage } from '../logger.ts';
import type { Environment } from './environment.ts';
import { claimLeases, type Lease, type LeaseTerm, someoneWaits } from './leases.ts';

export interface Claims {
  /**
   * Looks for runs to execute, now or right after the look under way. `waiting`: a session or a place has become free, which
   * concerns those that wait in line; `open`: any run may be without an executor.
   */
  soon(what: Sought): void;
  /** The same after a while, or sooner where somebody else asked for that. */
  within(milliseconds: number): void;
  /** Resolves when no look is under way. */
  idle(): Promise<void>;
}

type Sought = 'waiting' | 'open';

/** Claims a few runs at a time, so that a long queue does not keep the first of them waiting. */
const CLAIMED_AT_ONCE = 64;

export function createClaims(
  { store, clock, settings, logger }: Environment,
  options: { term(): LeaseTerm; isRunning(): boolean; running(): number; start(lease: Lease): void },
): Claims {
  const outage = createOutage(logger, 'claiming runs');
  let looking: Promise<void> | null = null;
  let sought: Sought | null = null;
  /** Whether the last look left something for want of room. */
  let isMore = false;

  async function look(): Promise<void> {
    while (sought !== null && options.isRunning()) {
      const limit = Math.min(settings.maxConcurrentRuns - options.running(), CLAIMED_AT_ONCE);
      if (limit <= 0) isMore = true;
      const isWanted = limit > 0 && (isMore || sought === 'open' || (await someoneWaits(store.database)));
      sought = null;
      if (!isWanted) return;
      try {
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

  function soon(what: Sought): void {
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
