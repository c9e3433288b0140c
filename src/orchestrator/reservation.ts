import type { Clock } from '../clock.ts';
import type { Lease } from './leases.ts';

/** Keeps a server free of other runs while it executes a suspect, so that a crash names its cause. */
export interface Reservation {
  /**
   * Resolves when the suspect may be executed. One that is started while nothing else is executed stays alone until `end`, for
   * one lease time at the most. One that was lost as a suspect before first waits for the others to end, for the same time.
   *
   * @param others settle when the other runs of this server have stopped
   * @param signal ends the waiting
   */
  begin(lease: Lease, others: readonly Promise<void>[], signal: AbortSignal): Promise<void>;
  /** To call when this suspect has made progress or has stopped. */
  end(lease: Lease): void;
  /** Whether no other run may start. */
  isHeld(): boolean;
}

interface ReservationOptions {
  clock: Clock;
  leaseMilliseconds(): number;
  /** Called when other runs may start again because the time is over. */
  onEnd(): void;
}

export function createReservation({ clock, leaseMilliseconds, onEnd }: ReservationOptions): Reservation {
  let held: Lease | null = null;
  let cancelTimer = () => {};

  function end(lease: Lease): void {
    if (held !== lease) return;
    held = null;
    cancelTimer();
  }

  return {
    async begin(lease, others, signal) {
      if (lease.suspicion === 1 && others.length > 0) return;
      held = lease;
      if (others.length > 0) {
        const pause = clock.sleep(leaseMilliseconds(), signal).catch(() => undefined);
        await Promise.race([Promise.all(others), pause]);
      }
      cancelTimer = clock.after(leaseMilliseconds(), () => {
        end(lease);
        onEnd();
      });
    },
    end,
    isHeld: () => held !== null,
  };
}
