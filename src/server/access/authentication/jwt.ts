import { createRemoteJWKSet, errors, importSPKI, type JWTPayload, jwtVerify } from 'jose';
import { type JwtConfig, scopes } from '../../../config/access-config.ts';
import * as limits from '../../../config/limits.ts';
import { StartError } from '../../../config/start-error.ts';
import { unauthenticated, unavailable } from '../../../graphql/public-errors.ts';
import type { Logger } from '../../../logger.ts';
import { type Authenticate, bearerToken, type Identity } from './identity.ts';

/** Clocks of two machines differ by that much. */
const CLOCK_TOLERANCE_SECONDS = 5;

/** Tokens of an identity provider. Its keys are fetched when the first token comes, and again when it changes them. */
export async function authenticateByJwt(config: JwtConfig, now: () => number, logger: Logger): Promise<Authenticate> {
  const { issuer, audience, algorithm, jwksUrl, publicKey } = config;
  const key =
    jwksUrl === undefined ? await importKey(publicKey ?? '', algorithm) : createRemoteJWKSet(new URL(jwksUrl));
  // Both kinds of key fit; the overloads of the library want one at a time.
  const keyFor: Parameters<typeof jwtVerify>[1] = typeof key === 'function' ? key : async () => key;
  return async (credentials) => {
    const token = bearerToken(credentials);
    if (token === null) throw unauthenticated('missing');
    const expected = { issuer, audience, algorithms: [algorithm], clockTolerance: CLOCK_TOLERANCE_SECONDS };
    try {
      const { payload } = await jwtVerify(token, keyFor, {
        ...expected,
        currentDate: new Date(now()),
        requiredClaims: ['exp'],
      });
      return identityOf(config, payload);
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw unauthenticated('expired');
      if (isFaultOfToken(error)) throw unauthenticated('unknown');
      logger.warn({ err: error, jwksUrl }, 'the keys for tokens can not be had');
      throw unavailable('Tokens can not be checked now, because the identity provider does not answer. Try again.');
    }
  };
}

async function importKey(pem: string, algorithm: string) {
  try {
    return await importSPKI(pem, algorithm);
  } catch (error) {
    throw new StartError(`auth.publicKey is not a public key for ${algorithm} (PEM, SubjectPublicKeyInfo).`, error);
  }
}

function isFaultOfToken(error: unknown): boolean {
  const isOfProvider = error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid;
  // The library has this code for an answer that is no key set.
  const isGeneric = error instanceof errors.JOSEError && error.code === 'ERR_JOSE_GENERIC';
  return error instanceof errors.JOSEError && !isOfProvider && !isGeneric;
}

function identityOf({ principalClaim, scopeClaim }: JwtConfig, payload: JWTPayload): Identity {
  const principal = payload[principalClaim];
  const isName = typeof principal === 'string' && principal.trim() !== '';
  if (!isName || principal.length > limits.PRINCIPAL_CHARACTERS) throw new errors.JWTInvalid('no principal');
  const expiresAt = ((payload.exp ?? 0) + CLOCK_TOLERANCE_SECONDS) * 1000;
  return { principal, scopes: scopesIn(payload[scopeClaim]), expiresAt };
}

/** A text with blanks between, as OAuth has it, or a list. What is no scope of ours is meant for others. */
function scopesIn(claim: unknown): string[] {
  const given = typeof claim === 'string' ? claim.split(/\s+/) : Array.isArray(claim) ? claim : [];
  return scopes.filter((scope) => given.includes(scope));
}
