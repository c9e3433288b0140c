import { isDeepStrictEqual } from 'node:util';
import { GraphQLError } from 'graphql';
import { createRemoteJWKSet, errors, importSPKI, type JWTPayload, jwtVerify } from 'jose';
import { hasScopesOfApprover, isPrincipal, type JwtConfig, scopes } from '../../../config/access-config.ts';
import { StartError } from '../../../config/start-error.ts';
import { unauthenticated, unavailable } from '../../../graphql/public-errors.ts';
import type { Logger } from '../../../logger.ts';
import { type Authenticate, type Authentication, bearerToken, type Identity } from './identity.ts';

/** Allowed difference between the clocks of the identity provider and of this server. */
const CLOCK_TOLERANCE_SECONDS = 5;

/**
 * Verifies the tokens of an identity provider. The keys at `jwksUrl` are fetched for the first token, and again for a token
 * with an unknown key id. Rejects with a StartError if `publicKey` is invalid.
 */
export async function authenticateByJwt(config: JwtConfig, now: () => number, logger: Logger): Promise<Authentication> {
  const { issuer, audience, algorithm, jwksUrl, publicKey } = config;
  const key =
    jwksUrl === undefined ? await importKey(publicKey ?? '', algorithm) : createRemoteJWKSet(new URL(jwksUrl));
  const authenticate: Authenticate = async (credentials) => {
    const token = bearerToken(credentials);
    if (token === null) throw unauthenticated('missing');
    try {
      const { payload } = await jwtVerify(token, key, {
        issuer,
        audience,
        algorithms: [algorithm],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        currentDate: new Date(now()),
        requiredClaims: ['exp'],
      });
      return identityOf(config, payload);
    } catch (error) {
      if (error instanceof GraphQLError) throw error;
      if (error instanceof errors.JWTExpired) throw unauthenticated('expired');
      if (isTokenError(error)) throw unauthenticated('unknown');
      logger.warn({ err: error, jwksUrl }, 'cannot fetch the keys of the identity provider');
      throw unavailable('The token cannot be verified now: the identity provider does not respond. Try again later.');
    }
  };
  return { authenticate, accepts: ({ acceptedBy }) => isDeepStrictEqual(acceptedBy, config) };
}

async function importKey(pem: string, algorithm: string) {
  try {
    return await importSPKI(pem, algorithm);
  } catch (error) {
    throw new StartError(`auth.publicKey is not a public key for ${algorithm}. Use PEM (SubjectPublicKeyInfo).`, error);
  }
}

/** Whether the token is invalid; otherwise the keys could not be fetched. */
function isTokenError(error: unknown): boolean {
  const isProviderError = error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid;
  // jose uses this code for a response that is not a key set.
  const isResponseError = error instanceof errors.JOSEError && error.code === 'ERR_JOSE_GENERIC';
  return error instanceof errors.JOSEError && !isProviderError && !isResponseError;
}

function identityOf(config: JwtConfig, payload: JWTPayload): Identity {
  const { principalClaim, scopeClaim } = config;
  const principal = payload[principalClaim];
  if (!isPrincipal(principal)) throw unauthenticated('principal');
  const scopesOfToken = scopesIn(payload[scopeClaim]);
  if (!hasScopesOfApprover(scopesOfToken)) throw unauthenticated('approver');
  const expiresAt = ((payload.exp ?? 0) + CLOCK_TOLERANCE_SECONDS) * 1000;
  return { principal, scopes: scopesOfToken, expiresAt, acceptedBy: config };
}

/** Accepts a space-separated string, as OAuth 2.0 defines it, or an array. Ignores the scopes of other services. */
function scopesIn(claim: unknown): string[] {
  const claimed = typeof claim === 'string' ? claim.split(/\s+/) : Array.isArray(claim) ? claim : [];
  return scopes.filter((scope) => claimed.includes(scope));
}
