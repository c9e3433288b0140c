import { batchInsert, databaseTime, optionalDatabaseTime, type RowWrite } from '../database/batch-statement.ts';
import type { Client, Database } from '../database/database.ts';
import type { Grant } from '../database/generated/sqlite/client.ts';
import type { Grant as Remembered } from '../domain/approval.ts';

export type GrantRow = Grant;
export type SessionGrant = Remembered & { id: string };

const insertStatement = batchInsert({
  name: 'insert grant',
  order: 70,
  table: 'Grant',
  columns: {
    id: 'text',
    sessionId: 'text',
    tool: 'text',
    grantedBy: 'text',
    grantedAt: 'timestamp',
    expiresAt: 'timestamp',
  },
  key: ['id'],
  replace: [],
  onConflict: 'refuse',
});

interface NewGrant {
  id: string;
  sessionId: string;
  tool: string;
  grantedBy: string;
  /** Epoch milliseconds. */
  grantedAt: number;
  /** Epoch milliseconds; null for the rest of the session. */
  expiresAt: number | null;
}

export function insertGrant(grant: NewGrant): RowWrite {
  const { grantedAt, expiresAt, ...rest } = grant;
  return {
    statement: insertStatement,
    row: { ...rest, grantedAt: databaseTime(grantedAt), expiresAt: optionalDatabaseTime(expiresAt) },
  };
}

/** Grants in force, oldest first. */
export function grantsOf(reader: Client, sessionIds: readonly string[], now: Date): Promise<GrantRow[]> {
  return reader.grant.findMany({
    where: { sessionId: { in: [...sessionIds] }, OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] },
    orderBy: { id: 'asc' },
  });
}

/**
 * Grants of one session in force, as decisions need them.
 * @param separateApprover whether those that its owner gave do not count
 */
export async function sessionGrants(
  reader: Client,
  { id: sessionId, owner }: { id: string; owner: string },
  now: number,
  separateApprover: boolean,
): Promise<SessionGrant[]> {
  const rows = await grantsOf(reader, [sessionId], new Date(now));
  const counting = rows.filter(({ grantedBy }) => !separateApprover || grantedBy !== owner);
  return counting.map(({ id, tool, expiresAt }) => ({ id, tool, expiresAt: expiresAt?.getTime() ?? null }));
}

export function grantsByIds(reader: Client, owner: string, ids: readonly string[]): Promise<GrantRow[]> {
  return reader.grant.findMany({ where: { id: { in: [...ids] }, session: { owner } } });
}

/** Whether there was one of this owner. */
export async function revokeGrant(database: Database, owner: string, id: string): Promise<boolean> {
  const { count } = await database.write((client) => client.grant.deleteMany({ where: { id, session: { owner } } }));
  return count > 0;
}
