import { type BatchStatement, batchInsert, databaseTime, type RowWrite } from '../database/batch-statement.ts';
import type { Client, Database } from '../database/database.ts';
import type { Session } from '../database/generated/sqlite/client.ts';
import { queryJson } from '../database/json-query.ts';
import { type ColumnsOf, columnList, idList, statement } from '../database/statement.ts';
import { keysetQuery, type PageArguments, pageOf, type RowPage } from '../domain/page.ts';

export type SessionRow = Session;

const insertStatement = batchInsert({
  name: 'insert session',
  order: 10,
  table: 'Session',
  columns: {
    id: 'text',
    owner: 'text',
    key: 'text',
    title: 'text',
    agentId: 'text',
    createdAt: 'timestamp',
    activeAt: 'timestamp',
    resetTurn: 'int',
    useCompaction: 'boolean',
    parentId: 'text',
    branchRunId: 'text',
    branchSeq: 'int',
    branchTurn: 'int',
  },
  key: ['id'],
  replace: [],
  onConflict: 'refuse',
});

/** A title that somebody gave by hand stays. */
const titleStatement: BatchStatement = {
  name: 'title session',
  order: 11,
  distinct: ['id'],
  sqlite: `UPDATE "Session" SET "title" = element.value ->> 'title' FROM json_each(?) AS element
    WHERE "Session"."id" = element.value ->> 'id' AND "Session"."title" IS NULL`,
  postgresql: `UPDATE "Session" SET "title" = element."title" FROM jsonb_to_recordset($1::jsonb) AS element("id" text, "title" text)
    WHERE "Session"."id" = element."id" AND "Session"."title" IS NULL`,
};

/** Other servers send messages to the same session: what was found there must hold when this one is recorded. */
const expectStatement: BatchStatement = {
  name: 'expect session',
  order: 5,
  distinct: null,
  sqlite: null,
  postgresql: `SELECT "session_expect"(element."id", element."runId", element."mostWaiting", element."free")
    FROM (SELECT * FROM jsonb_to_recordset($1::jsonb) AS element("id" text, "runId" text, "mostWaiting" int, "free" boolean)
      ORDER BY "id") AS element`,
};

export interface SessionExpectation {
  id: string;
  /** The new run, whose id is behind those of all others. */
  runId: string;
  /** Fewer runs than this wait. */
  mostWaiting: number;
  /** No run is open. */
  free: boolean;
}

export function expectSession(expectation: SessionExpectation): RowWrite {
  return { statement: expectStatement, row: { ...expectation } };
}

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
  /** What it sees of its parent; without it, it is no branch. */
  branch?: { parentId: string; runId: string; seq: number; turn: number };
}

export function insertSession({ branch, resetTurn = 0, useCompaction = true, ...session }: NewSession): RowWrite {
  const createdAt = databaseTime(session.createdAt);
  const { parentId = null, runId: branchRunId = null, seq: branchSeq = null, turn: branchTurn = null } = branch ?? {};
  const row = {
    ...session,
    createdAt,
    activeAt: createdAt,
    resetTurn,
    useCompaction,
    parentId,
    branchRunId,
    branchSeq,
    branchTurn,
  };
  return { statement: insertStatement, row };
}

export function titleSession(id: string, title: string): RowWrite {
  return { statement: titleStatement, row: { id, title } };
}

const columns: ColumnsOf<SessionRow> = {
  id: 'text',
  owner: 'text',
  key: 'text',
  title: 'text',
  agentId: 'text',
  createdAt: 'time',
  activeAt: 'time',
  archivedAt: 'time',
  resetTurn: 'number',
  parentId: 'text',
  branchRunId: 'text',
  branchSeq: 'number',
  branchTurn: 'number',
  useCompaction: 'boolean',
};
const sessionsWhere = (condition: string) =>
  `SELECT ${columnList('Session', columns)} FROM "Session" WHERE ${condition}`;
const ofRun = statement(columns, () => sessionsWhere('"id" = ?'));
const byKey = statement(columns, () => sessionsWhere('"owner" = ? AND "key" = ? AND "archivedAt" IS NULL'));
const byIds = statement(columns, ({ inIds }) => sessionsWhere(`"id" ${inIds} AND "owner" = ?`));

export async function sessionById(database: Database, owner: string, id: string): Promise<SessionRow | null> {
  const [session] = await sessionsByIds(database, owner, [id]);
  return session ?? null;
}

/** Whoever owns it: for the executor of its runs. */
export async function sessionForExecution(database: Database, sessionId: string): Promise<SessionRow | null> {
  const [session] = await database.query(ofRun, sessionId);
  return session ?? null;
}

/** Who owns each of them. */
export async function ownersOf(reader: Client, sessionIds: readonly string[]): Promise<Map<string, string>> {
  const rows = await reader.session.findMany({
    where: { id: { in: [...sessionIds] } },
    select: { id: true, owner: true },
  });
  return new Map(rows.map(({ id, owner }) => [id, owner]));
}

/** The one that holds the key now. */
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

/** Where a session stands, or stood, in the order of activity. */
export interface ActivityPosition {
  activeAt: Date;
  id: string;
}

/** Newest activity first; of the same instant the newer session. */
export async function pageActiveSessions(
  reader: Client,
  query: SessionsQuery,
  page: PageArguments<ActivityPosition>,
): Promise<RowPage<SessionRow>> {
  const [low, high] = [page.before, page.after];
  const direction = page.from === 'start' ? 'desc' : 'asc';
  const found = await reader.session.findMany({
    where: { ...conditions(query), AND: [...(low ? [beside(low, 'gt')] : []), ...(high ? [beside(high, 'lt')] : [])] },
    orderBy: [{ activeAt: direction }, { id: direction }],
    take: page.size + 1,
  });
  return pageOf(found, page);
}

/** The first condition follows from the other ones, and is what an index can be entered with. */
function beside({ activeAt, id }: ActivityPosition, side: 'lt' | 'gt') {
  const from = side === 'lt' ? { lte: activeAt } : { gte: activeAt };
  return { activeAt: from, OR: [{ activeAt: { [side]: activeAt } }, { id: { [side]: id } }] };
}

/** Epoch milliseconds of the newest event of each session that has a run at work: of others, the row says it. */
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
