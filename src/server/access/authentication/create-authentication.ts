import type { AccessConfig } from '../../../config/access-config.ts';
import type { Logger } from '../../../logger.ts';
import { type Authentication, localIdentity } from './identity.ts';
import { authenticateByToken } from './tokens.ts';

/** The authentication that the configuration selects. Rejects with a StartError if its key is invalid. */
export async function createAuthentication(
  { auth }: AccessConfig,
  now: () => number,
  logger: Logger,
): Promise<Authentication> {
  switch (auth.mode) {
    case 'none':
      return { authenticate: () => localIdentity, accepts: () => true };
    case 'tokens':
      return authenticateByToken(auth.tokens, now);
    case 'jwt': {
      const { authenticateByJwt } = await import('./jwt.ts');
      return authenticateByJwt(auth, now, logger);
    }
    default:
      return auth satisfies never;
  }
}
