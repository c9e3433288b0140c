import type { NewRun, Place } from '../application/run/starter.ts';
import { firstLease, type Lease, type LeaseTerm } from './leases.ts';

/** Places for runs that are being recorded. */
export interface Places {
  give(run: NewRun): Place;
  /** Those that are given and not settled. */
  count(): number;
  /** Resolves when none is. */
  settled(): Promise<void>;
}

interface PlacesOptions {
  term(): LeaseTerm;
  start(lease: Lease): void;
  /** A place was not used after all. */
  onFree(): void;
}

export function createPlaces(options: PlacesOptions): Places {
  const open = new Set<Promise<void>>();
  return {
    give({ runId, sessionId }) {
      let settle = () => {};
      const settled = new Promise<void>((resolve) => {
        settle = resolve;
      });
      open.add(settled);
      const leave = () => {
        open.delete(settled);
        settle();
      };
      return {
        lease: firstLease(options.term(), runId),
        begin() {
          options.start({ runId, sessionId, epoch: 1, lost: false });
          leave();
        },
        release() {
          leave();
          options.onFree();
        },
      };
    },
    count: () => open.size,
    async settled() {
      await Promise.all(open);
    },
  };
}
