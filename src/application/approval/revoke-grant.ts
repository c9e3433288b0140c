import { notFound, type Refusal } from '../../domain/refusal.ts';
import { revokeGrant as deleteGrant } from '../../repositories/grants.ts';
import { entryOf } from '../audit/entries.ts';
import type { CommandContext, Viewer } from '../command-context.ts';

export type RevokedGrant = { kind: 'revoked'; grantId: string };

/** Deletes a grant of the viewer's sessions, or one that the viewer gave. The next call of its tool needs an approval again. */
export async function revokeGrant(
  { audit, database, logger }: CommandContext,
  viewer: Viewer,
  { grantId }: { grantId: string },
): Promise<RevokedGrant | Refusal> {
  const grant = await deleteGrant(database, viewer.principal, grantId);
  if (!grant) return notFound('grant', grantId);
  const { sessionId, tool, grantedBy } = grant;
  const entry = entryOf(viewer, 'grant-revoked', { grantId, sessionId, tool, grantedBy });
  const { event, principal, details } = entry;
  logger.info({ event, principal, ...details }, 'a grant was revoked');
  await audit.record(entry);
  return { kind: 'revoked', grantId };
}
