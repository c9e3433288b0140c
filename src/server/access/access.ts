import type { Clock } from '../../clock.ts';
import type { Authenticate, Identity } from './authentication/identity.ts';
import type { Origins } from './origins.ts';

/** What every transport checks before it accepts a request or a connection. */
export interface Access {
  authenticate: Authenticate;
  origins: Origins;
  clock: Clock;
}

/** `setTimeout` accepts at most 24.8 days. */
const MAX_TIMER_MILLISECONDS = 24 * 60 * 60 * 1000;

/**
 * Calls back when the credentials of an identity expire; never if they do not. Returns a function that cancels it. The
 * callback runs during the call if they have expired already.
 */
export function onExpiry({ expiresAt }: Identity, clock: Clock, callback: () => void): () => void {
  let cancel = () => {};
  const wait = (time: number) => {
    const remaining = time - clock.now();
    if (remaining <= 0) callback();
    else cancel = clock.after(Math.min(remaining, MAX_TIMER_MILLISECONDS), () => wait(time));
  };
  if (expiresAt !== undefined) wait(expiresAt);
  return () => cancel();
}
