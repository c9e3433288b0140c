import { createHash, randomBytes } from 'node:crypto';
import type { TokenEntry } from '../../../config/access-config.ts';
import { unauthenticated } from '../../../graphql/public-errors.ts';
import { type Authenticate, bearerToken, type Identity } from './identity.ts';

/** Tells searchers for secrets, ours included, what it is. */
const PREFIX = 'rt_';
const TOKEN_BYTES = 32;

/** A new token. It is nowhere stored: only its hash is. */
export function createToken(): string {
  return `${PREFIX}${randomBytes(TOKEN_BYTES).toString('base64url')}`;
}

export function hashOfToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** One hash and one look-up by it: how long that takes says nothing of any token. */
export function authenticateByToken(entries: readonly TokenEntry[], now: () => number): Authenticate {
  const known = new Map(entries.map((entry) => [entry.sha256, identityOf(entry)]));
  return (credentials) => {
    const token = bearerToken(credentials);
    if (token === null) throw unauthenticated('missing');
    const identity = known.get(hashOfToken(token));
    if (!identity) throw unauthenticated('unknown');
    if (identity.expiresAt !== undefined && identity.expiresAt <= now()) throw unauthenticated('expired');
    return identity;
  };
}

function identityOf({ principal, scopes, expiresAt }: TokenEntry): Identity {
  return { principal, scopes, ...(expiresAt === undefined ? {} : { expiresAt: Date.parse(expiresAt) }) };
}
