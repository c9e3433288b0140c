import type { Environment } from './environment.ts';
import { claimLeases, type Lease } from './leases.ts';

export interface Claims {
  /** Looks for runs to execute, now or right after the look under way. */
  soon(): void;
  /** Resolves when no look is under way. */
  idle(): Promise<void>;
}

/** Claims a few runs at a time, so that a long queue does not keep the first of them waiting. */
const CLAIMED_AT_ONCE = 64;

export function createClaims(
  { store, clock, settings, logger }: Environment,
  options: { holder: string; isRunning(): boolean; running(): number; start(lease: Lease): void },
): Claims {
  let looking: Promise<void> | null = null;
  let again = false;

  async function look(): Promise<void> {
    while (again && options.isRunning()) {
      again = false;
      const limit = Math.min(settings.maxConcurrentRuns - options.running(), CLAIMED_AT_ONCE);
      if (limit <= 0) return;
      try {
        const request = {
          holder: options.holder,
          limit,
          now: clock.now(),
          leaseMilliseconds: settings.leaseSeconds * 1000,
        };
        const leases = await claimLeases(store.database, request);
        leases.forEach(options.start);
        again ||= leases.length === limit;
      } catch (error) {
        logger.warn({ err: error }, 'runs could not be claimed');
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

  return {
    soon,
    async idle() {
      await looking;
    },
  };
}
