import { batchWriter, executeWrites, type RowWrite } from '../database/batch-statement.ts';
import type { Client, Database } from '../database/database.ts';
import type { Session } from '../database/generated/sqlite/client.ts';
import { queryJson } from '../database/json-query.ts';
import { deletePassages, insertPassages } from '../database/search-index.ts';
import { idList, writingStatement } from '../database/statement.ts';
import { defineTable } from '../database/table.ts';
import { keysetQuery, type PageArguments, pageOf, type RowPage } from '../domain/page.ts';
import { passagesOf } from '../domain/search/passages.ts';
import { recordSessionChange } from './activity.ts';

export type SessionRow = Session;

const sessions = defineTable<SessionRow>('Session', {
  id: 'text',
  owner: 'text',
  key: 'text',
  title: 'text',
  agentId: 'text',
  createdAt: 'timestamp',
  activeAt: 'timestamp',
  archivedAt: 'timestamp',
  resetTurn: 'int',
  useCompaction: 'boolean',
  parentId: 'text',
  branchRunId: 'text',
  branchSeq: 'int',
  branchTurn: 'int',
});

const insertRow = sessions.insert({ order: 10, omit: ['archivedAt'] });

export interface NewSession {
  id: string;
  owner: string;
  key: string;
  title: string | null;
  agentId: string | null;
  /** Epoch milliseconds. */
  createdAt: number;
  resetTurn?: number;
  useCompaction?: boolean;
  /** The position in the parent's history up to which it is visible; undefined if the session is not a branch. */
  branch?: { parentId: string; runId: string; seq: number; turn: number };
}

/** Does not index the title: write `titlePassages` with it. */
export function insertSession({ branch, resetTurn = 0, useCompaction = true, ...session }: NewSession): RowWrite {
  const { id, owner, key, title, agentId, createdAt } = session;
  return insertRow({
    id,
    owner,
    key,
    title,
    agentId,
    createdAt,
    activeAt: createdAt,
    resetTurn,
    useCompaction,
    parentId: branch?.parentId ?? null,
    branchRunId: branch?.runId ?? null,
    branchSeq: branch?.seq ?? null,
    branchTurn: branch?.turn ?? null,
  });
}

/** Sets the title of a session that has none. */
export const titleSession = batchWriter<{ id: string; title: string }>(
  { order: 11, distinct: ['id'], columns: { id: 'text', title: 'text' } },
  ({ rows, value }) => `UPDATE "Session" SET "title" = ${value('title')} FROM ${rows}
    WHERE "Session"."id" = ${value('id')} AND "Session"."title" IS NULL`,
);

const insertTitlePassage = insertPassages({
  order: 81,
  kind: 'conversation',
  holder: 'Session',
  sessionId: 'holder."id"',
  // A title that the owner gave is not replaced by `titleSession`.
  unchangedColumn: 'title',
});

/** Makes a title searchable, if the session has it. Write `deletePassages` before, if the session may have had another title. */
export function titlePassages(sessionId: string, title: string | null): RowWrite[] {
  if (title === null) return [];
  const source = { sourceId: sessionId, seq: 0, holderId: sessionId, expected: title };
  return passagesOf(title).map((passage) => insertTitlePassage({ ...source, ...passage }));
}

export interface SessionExpectation {
  id: string;
  /** The id of the new run: it must be greater than the ids of the session's other runs. */
  runId: string;
  /** The session must have fewer pending runs than this. */
  mostWaiting: number;
  /** Whether the session must have no open run. */
  free: boolean;
}

/** Fails the append unless the session is as expected: other servers can send messages to it at the same time. */
export const expectSession = batchWriter<SessionExpectation>(
  {
    order: 5,
    columns: { id: 'text', runId: 'text', mostWaiting: 'int', free: 'boolean' },
    postgresqlOnly: true,
  },
  // Locks the sessions in the order of their ids: two servers cannot deadlock.
  ({ rows }) => `SELECT "session_expect"(element."id", element."runId", element."mostWaiting", element."free")
    FROM (SELECT * FROM ${rows} ORDER BY "id") AS element`,
);

const byId = sessions.select(() => 'WHERE "id" = ?');
const byKey = sessions.select(() => 'WHERE "owner" = ? AND "key" = ? AND "archivedAt" IS NULL');
const byIds = sessions.select(({ inIds }) => `WHERE "id" ${inIds} AND "owner" = ?`);

export async function sessionById(database: Database, owner: string, id: string): Promise<SessionRow | null> {
  const [session] = await sessionsByIds(database, owner, [id]);
  return session ?? null;
}

/** Returns a session of any owner, for the executor of its runs. */
export async function sessionForExecution(database: Database, sessionId: string): Promise<SessionRow | null> {
  const [session] = await database.query(byId, sessionId);
  return session ?? null;
}

/** The owner of each session. */
export async function ownersOf(reader: Client, sessionIds: readonly string[]): Promise<Map<string, string>> {
  const rows = await reader.session.findMany({
    where: { id: { in: [...sessionIds] } },
    select: { id: true, owner: true },
  });
  return new Map(rows.map(({ id, owner }) => [id, owner]));
}

/** The session that has this key and is not archived. */
export async function sessionByKey(database: Database, owner: string, key: string): Promise<SessionRow | null> {
  const [session] = await database.query(byKey, owner, key);
  return session ?? null;
}

export function sessionsByIds(database: Database, owner: string, ids: readonly string[]): Promise<SessionRow[]> {
  return database.query(byIds, idList(ids), owner);
}

export interface SessionsQuery {
  owner: string;
  includeArchived: boolean;
  agentId?: string;
  parentId?: string;
}

/** Newest first. */
export async function pageSessions(
  reader: Client,
  query: SessionsQuery,
  page: PageArguments,
): Promise<RowPage<SessionRow>> {
  const { where, ...rest } = keysetQuery(page, 'newest-first');
  return pageOf(await reader.session.findMany({ where: { ...conditions(query), ...where }, ...rest }), page);
}

function conditions({ owner, includeArchived, agentId, parentId }: SessionsQuery) {
  return { owner, agentId, parentId, ...(includeArchived ? {} : { archivedAt: null }) };
}

/** A position in the order of activity. */
export interface ActivityPosition {
  activeAt: Date;
  id: string;
}

/** Latest activity first; newer sessions first if it is equal. */
export async function pageActiveSessions(
  reader: Client,
  query: SessionsQuery,
  page: PageArguments<ActivityPosition>,
): Promise<RowPage<SessionRow>> {
  const [low, high] = [page.before, page.after];
  const direction = page.from === 'start' ? 'desc' : 'asc';
  const rows = await reader.session.findMany({
    where: { ...conditions(query), AND: [...(low ? [beyond(low, 'gt')] : []), ...(high ? [beyond(high, 'lt')] : [])] },
    orderBy: [{ activeAt: direction }, { id: direction }],
    take: page.size + 1,
  });
  return pageOf(rows, page);
}

/** The first condition is implied by the others. It lets the database use an index. */
function beyond({ activeAt, id }: ActivityPosition, side: 'lt' | 'gt') {
  const from = side === 'lt' ? { lte: activeAt } : { gte: activeAt };
  return { activeAt: from, OR: [{ activeAt: { [side]: activeAt } }, { id: { [side]: id } }] };
}

/** Epoch milliseconds of the newest event of each session that has a run IN_PROGRESS. For other sessions see `activeAt`. */
export async function lastActivityOfSessions(database: Database, ids: readonly string[]): Promise<Map<string, number>> {
  const newest = `(SELECT "recordedAt" FROM "Event" WHERE "runId" = "Run"."id" ORDER BY "seq" DESC LIMIT 1)`;
  const rows = await queryJson<[sessionId: string, recordedAt: number]>(
    database,
    {
      sqlite: `SELECT json_group_array(json_array("sessionId", ${newest})) FROM "Run"
        WHERE "sessionId" IN (SELECT value FROM json_each(?)) AND "state" = 'IN_PROGRESS'`,
      postgresql: `SELECT json_agg(json_build_array("sessionId", ${newest}))::text FROM "Run"
        WHERE "sessionId" IN (SELECT jsonb_array_elements_text($1::jsonb)) AND "state" = 'IN_PROGRESS'`,
    },
    JSON.stringify(ids),
  );
  return new Map(rows);
}

/** Undefined members stay unchanged. Returns null if the owner has no such session. */
export async function updateSession(
  database: Database,
  owner: string,
  id: string,
  change: { title?: string; agentId?: string; useCompaction?: boolean },
  now: number,
): Promise<SessionRow | null> {
  return database.write((client) =>
    client.$transaction(async (transaction) => {
      const [row] = await transaction.session.updateManyAndReturn({ where: { id, owner }, data: change });
      if (!row) return null;
      const passages = change.title === undefined ? [] : [deletePassages(id), ...titlePassages(id, change.title)];
      const isChanged = Object.values(change).some((value) => value !== undefined);
      const changes = isChanged ? [recordSessionChange('SESSION_UPDATED', { sessionId: id, at: now })] : [];
      await executeWrites(transaction, database.provider, [...passages, ...changes]);
      return row;
    }),
  );
}

const hideTurns = writingStatement<{ id: string }>(
  { id: 'text' },
  () => `UPDATE "Session" SET "resetTurn" =
      coalesce((SELECT max("turn") FROM "Run" WHERE "sessionId" = "Session"."id"), "branchTurn", 0)
    WHERE "id" = ? RETURNING "id"`,
);

/** Hides all runs that have started from the context of later runs. */
export async function resetSession(database: Database, id: string): Promise<void> {
  await database.query(hideTurns, id);
}
