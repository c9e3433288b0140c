import { notFound, type Refusal } from '../../domain/refusal.ts';
import { revokeGrant as revoke } from '../../repositories/grants.ts';
import type { CommandContext, Viewer } from '../command-context.ts';

export type RevokedGrant = { kind: 'revoked'; grantId: string };

/** From the next call on the tool asks again. */
export async function revokeGrant(
  { database }: CommandContext,
  { principal }: Viewer,
  { grantId }: { grantId: string },
): Promise<RevokedGrant | Refusal> {
  return (await revoke(database, principal, grantId)) ? { kind: 'revoked', grantId } : notFound('grant', grantId);
}
