import { createOutage } from '../logger.ts';
import type { Environment } from './environment.ts';
import { claimLeases, type Lease, type LeaseTerm } from './leases.ts';

export interface Claims {
  /** Looks for runs to execute, now or right after the look under way. */
  soon(): void;
  /** The same after a while, or sooner where somebody else asked for that. */
  within(milliseconds: number): void;
  /** Resolves when no look is under way. */
  idle(): Promise<void>;
}

/** Claims a few runs at a time, so that a long queue does not keep the first of them waiting. */
const CLAIMED_AT_ONCE = 64;

export function createClaims(
  { store, clock, settings, logger }: Environment,
  options: { term(): LeaseTerm; isRunning(): boolean; running(): number; start(lease: Lease): void },
): Claims {
  const outage = createOutage(logger, 'claiming runs');
  let looking: Promise<void> | null = null;
  let again = false;

  async function look(): Promise<void> {
    while (again && options.isRunning()) {
      again = false;
      const limit = Math.min(settings.maxConcurrentRuns - options.running(), CLAIMED_AT_ONCE);
      if (limit <= 0) return;
      try {
        const leases = await claimLeases(store.database, options.term(), limit);
        outage.worked();
        leases.forEach(options.start);
        again ||= leases.length === limit;
      } catch (error) {
        outage.failed(error);
      }
    }
  }

  function soon(): void {
    again = true;
    if (!options.isRunning()) return;
    looking ??= look().finally(() => {
      looking = null;
      // Asked between the end of the look and here.
      if (again) soon();
    });
  }

  let planned: { at: number; cancel(): void } | null = null;

  function within(milliseconds: number): void {
    const at = clock.elapsed() + milliseconds;
    if (planned && planned.at <= at) return;
    planned?.cancel();
    const cancel = clock.after(milliseconds, () => {
      planned = null;
      soon();
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
