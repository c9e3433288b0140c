import type { Clock } from '../../clock.ts';

export interface IdleTimeout {
  /** Something has arrived. Called once a chunk, so it only notes the time. */
  heard(): void;
  end(): void;
}

/** Calls back once where nothing arrives for too long. One timer runs at a time, however many chunks there are. */
export function startIdleTimeout(options: {
  clock: Clock;
  firstByteMilliseconds: number;
  idleMilliseconds: number;
  onExpiry: (waitedMilliseconds: number) => void;
}): IdleTimeout {
  const { clock, onExpiry } = options;
  let since = clock.elapsed();
  let allowed = options.firstByteMilliseconds;
  let cancel = clock.after(allowed, check);

  function check(): void {
    const remaining = since + allowed - clock.elapsed();
    // Timers may fire a moment early; a wait of less than a millisecond would only spin.
    if (remaining < 1) onExpiry(allowed);
    else cancel = clock.after(remaining, check);
  }

  return {
    heard() {
      since = clock.elapsed();
      if (allowed === options.idleMilliseconds) return;
      allowed = options.idleMilliseconds;
      cancel();
      cancel = clock.after(allowed, check);
    },
    end: () => cancel(),
  };
}
