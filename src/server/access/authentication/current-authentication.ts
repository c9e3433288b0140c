import type { Clock } from '../../../clock.ts';
import type { Authentication, Identity } from './identity.ts';

/** Why an identity has ended. */
export type IdentityEnd = 'expired' | 'revoked';

/** The authentication in use, which a reload replaces. */
export interface CurrentAuthentication extends Authentication {
  /**
   * Calls back once when an identity expires or is revoked. The callback runs during the call if that has happened already. Returns
   * a function that cancels it; null if the identity can never end.
   */
  onEnd(identity: Identity, callback: (end: IdentityEnd) => void): (() => void) | null;
  /** Ends the identities that the next authentication does not accept. Returns how many they are. */
  replace(next: Authentication): number;
}

/** An identity in use, for example by a WebSocket. */
interface Use {
  identity: Identity;
  end(end: IdentityEnd): void;
}

export function createCurrentAuthentication(initial: Authentication, clock: Clock): CurrentAuthentication {
  let newest = initial;
  const uses = new Set<Use>();
  return {
    authenticate: (credentials) => newest.authenticate(credentials),
    accepts: (identity) => newest.accepts(identity),
    onEnd(identity, callback) {
      if (identity.acceptedBy === undefined) return null;
      // A replacement may have come between the authentication and this call.
      if (!newest.accepts(identity)) {
        callback('revoked');
        return () => {};
      }
      let cancelExpiry = () => {};
      const use: Use = {
        identity,
        end(end) {
          uses.delete(use);
          cancelExpiry();
          callback(end);
        },
      };
      uses.add(use);
      cancelExpiry = onExpiry(identity, clock, () => use.end('expired'));
      return () => {
        uses.delete(use);
        cancelExpiry();
      };
    },
    replace(next) {
      newest = next;
      const ended = [...uses].filter(({ identity }) => !next.accepts(identity));
      for (const { end } of ended) end('revoked');
      return ended.length;
    },
  };
}

/** `setTimeout` accepts at most 24.8 days. */
const MAX_TIMER_MILLISECONDS = 24 * 60 * 60 * 1000;

function onExpiry({ expiresAt }: Identity, clock: Clock, callback: () => void): () => void {
  let cancel = () => {};
  const wait = (time: number) => {
    const remaining = time - clock.now();
    if (remaining <= 0) callback();
    else cancel = clock.after(Math.min(remaining, MAX_TIMER_MILLISECONDS), () => wait(time));
  };
  if (expiresAt !== undefined) wait(expiresAt);
  return () => cancel();
}
