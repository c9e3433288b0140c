import { createHash, randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { TokenEntry } from '../../../config/access-config.ts';
import { unauthenticated } from '../../../graphql/public-errors.ts';
import { type Authentication, bearerToken, type Identity } from './identity.ts';

/** Lets secret scanners, including the gateway's own, recognise a token. */
const PREFIX = 'rt_';
const TOKEN_BYTES = 32;

/** A new random token. The configuration stores only its hash. */
export function createToken(): string {
  return `${PREFIX}${randomBytes(TOKEN_BYTES).toString('base64url')}`;
}

/** SHA-256 in lower-case hex. */
export function hashOfToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** Looks tokens up by their hash, so that the time of a lookup does not reveal anything about the stored tokens. */
export function authenticateByToken(entries: readonly TokenEntry[], now: () => number): Authentication {
  const identities = new Map(entries.map((entry) => [entry.sha256, identityOf(entry)]));
  return {
    authenticate(credentials) {
      const token = bearerToken(credentials);
      if (token === null) throw unauthenticated('missing');
      const identity = identities.get(hashOfToken(token));
      if (!identity) throw unauthenticated('unknown');
      if (identity.expiresAt !== undefined && identity.expiresAt <= now()) throw unauthenticated('expired');
      return identity;
    },
    accepts({ acceptedBy }) {
      if (acceptedBy === undefined || !('sha256' in acceptedBy)) return false;
      return isDeepStrictEqual(identities.get(acceptedBy.sha256)?.acceptedBy, acceptedBy);
    },
  };
}

function identityOf(entry: TokenEntry): Identity {
  const { principal, scopes, expiresAt } = entry;
  const identity = { principal, scopes, acceptedBy: entry };
  return expiresAt === undefined ? identity : { ...identity, expiresAt: Date.parse(expiresAt) };
}
