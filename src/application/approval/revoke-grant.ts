import { notFound, type Refusal } from '../../domain/refusal.ts';
import { revokeGrant as deleteGrant } from '../../repositories/grants.ts';
import type { CommandContext, Viewer } from '../command-context.ts';

export type RevokedGrant = { kind: 'revoked'; grantId: string };

/** Deletes a grant of the viewer's sessions, or one that the viewer gave. The next call of its tool needs an approval again. */
export async function revokeGrant(
  { audit, database, logger }: CommandContext,
  { principal, from }: Viewer,
  { grantId }: { grantId: string },
): Promise<RevokedGrant | Refusal> {
  const grant = await deleteGrant(database, principal, grantId);
  if (!grant) return notFound('grant', grantId);
  const { sessionId, tool, grantedBy } = grant;
  const event = 'grant-revoked';
  const details = { grantId, sessionId, tool, grantedBy };
  logger.info({ event, principal, ...details }, 'a grant was revoked');
  await audit.record({ event, principal, address: from?.address ?? null, rule: null, details });
  return { kind: 'revoked', grantId };
}
