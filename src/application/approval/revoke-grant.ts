import { notFound, type Refusal } from '../../domain/refusal.ts';
import { revokeGrant as deleteGrant } from '../../repositories/grants.ts';
import type { CommandContext, Viewer } from '../command-context.ts';

export type RevokedGrant = { kind: 'revoked'; grantId: string };

/** Deletes a grant. The next call of its tool needs an approval again. */
export async function revokeGrant(
  { database }: CommandContext,
  { principal }: Viewer,
  { grantId }: { grantId: string },
): Promise<RevokedGrant | Refusal> {
  return (await deleteGrant(database, principal, grantId)) ? { kind: 'revoked', grantId } : notFound('grant', grantId);
}
