import type { Client, Database } from '../database/database.ts';
import type { Grant } from '../database/generated/sqlite/client.ts';
import { defineTable } from '../database/table.ts';
import type { Grant as ToolGrant } from '../domain/approval.ts';

export type GrantRow = Grant;
export type SessionGrant = ToolGrant & { id: string };

const grants = defineTable<GrantRow>('Grant', {
  id: 'text',
  sessionId: 'text',
  tool: 'text',
  grantedBy: 'text',
  grantedAt: 'timestamp',
  expiresAt: 'timestamp',
});

export const insertGrant = grants.insert({ order: 70 });

/** Grants of these sessions that have not expired, oldest first. */
export function grantsOf(reader: Client, sessionIds: readonly string[], now: Date): Promise<GrantRow[]> {
  return reader.grant.findMany({
    where: { sessionId: { in: [...sessionIds] }, OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] },
    orderBy: { id: 'asc' },
  });
}

/**
 * Grants of one session that count for the policy.
 *
 * @param separateApprover whether grants by the session's owner are ignored
 */
export async function sessionGrants(
  reader: Client,
  { id: sessionId, owner }: { id: string; owner: string },
  now: number,
  separateApprover: boolean,
): Promise<SessionGrant[]> {
  const rows = await grantsOf(reader, [sessionId], new Date(now));
  const valid = rows.filter(({ grantedBy }) => !separateApprover || grantedBy !== owner);
  return valid.map(({ id, tool, expiresAt }) => ({ id, tool, expiresAt: expiresAt?.getTime() ?? null }));
}

export function grantsByIds(reader: Client, owner: string, ids: readonly string[]): Promise<GrantRow[]> {
  return reader.grant.findMany({ where: { id: { in: [...ids] }, session: { owner } } });
}

/** Returns false if the owner has no such grant. */
export async function revokeGrant(database: Database, owner: string, id: string): Promise<boolean> {
  const { count } = await database.write((client) => client.grant.deleteMany({ where: { id, session: { owner } } }));
  return count > 0;
}
