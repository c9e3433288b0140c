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
  target: 'text',
  definitionHash: 'text',
  grantedBy: 'text',
  grantedAt: 'timestamp',
  expiresAt: 'timestamp',
});

export const insertGrant = grants.insert({ order: 70 });

/** Deletes the grants of these tools that were given for another definition, or before definitions were recorded. */
export async function dropLapsedGrants(
  { reader, write }: Database,
  tools: ReadonlyMap<string, { hash: string }>,
): Promise<void> {
  const groups = await reader.grant.groupBy({ by: ['tool', 'definitionHash'] });
  for (const { tool, definitionHash } of groups) {
    const current = tools.get(tool);
    if (!current || current.hash === definitionHash) continue;
    await write((client) => client.grant.deleteMany({ where: { tool, definitionHash } }));
  }
}

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
  return valid.map(({ id, tool, target, definitionHash, expiresAt }) => ({
    id,
    tool,
    target,
    definitionHash,
    expiresAt: expiresAt?.getTime() ?? null,
  }));
}

/** Grants that a principal may see and revoke: those of its sessions, and those that it gave. */
const visibleTo = (principal: string) => ({ OR: [{ session: { owner: principal } }, { grantedBy: principal }] });

export function grantsByIds(reader: Client, principal: string, ids: readonly string[]): Promise<GrantRow[]> {
  return reader.grant.findMany({ where: { id: { in: [...ids] }, ...visibleTo(principal) } });
}

/** Returns the deleted grant; null if the principal may see no such grant. */
export function revokeGrant(database: Database, principal: string, id: string): Promise<GrantRow | null> {
  return database.write(async (client) => {
    const grant = await client.grant.findFirst({ where: { id, ...visibleTo(principal) } });
    if (!grant) return null;
    const { count } = await client.grant.deleteMany({ where: { id } });
    return count > 0 ? grant : null;
  });
}
