import { type BatchStatement, batchInsert, databaseTime, type RowWrite } from '../database/batch-statement.ts';
import type { Client, Database } from '../database/database.ts';
import type { Session } from '../database/generated/sqlite/client.ts';
import { keysetPage, type PageArguments, type RowPage } from './keyset-page.ts';

export type SessionRow = Session;

const insertStatement = batchInsert({
  name: 'insert session',
  order: 10,
  table: 'Session',
  columns: {
    ...{ id: 'text', owner: 'text', key: 'text', title: 'text', agentId: 'text' },
    ...{ createdAt: 'timestamp', resetTurn: 'int', useCompaction: 'boolean' },
    ...{ parentId: 'text', branchRunId: 'text', branchSeq: 'int', branchTurn: 'int' },
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
  const row = { ...session, createdAt, resetTurn, useCompaction, parentId, branchRunId, branchSeq, branchTurn };
  return { statement: insertStatement, row };
}

export function titleSession(id: string, title: string): RowWrite {
  return { statement: titleStatement, row: { id, title } };
}

export function sessionById(reader: Client, owner: string, id: string): Promise<SessionRow | null> {
  return reader.session.findFirst({ where: { id, owner } });
}

/** Whoever owns it: for the executor of its runs. */
export function sessionOfRun(reader: Client, sessionId: string): Promise<SessionRow | null> {
  return reader.session.findUnique({ where: { id: sessionId } });
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
export function sessionByKey(reader: Client, owner: string, key: string): Promise<SessionRow | null> {
  return reader.session.findFirst({ where: { owner, key, archivedAt: null } });
}

export function sessionsByIds(reader: Client, owner: string, ids: readonly string[]): Promise<SessionRow[]> {
  return reader.session.findMany({ where: { id: { in: [...ids] }, owner } });
}

export interface SessionsQuery {
  owner: string;
  includeArchived: boolean;
  agentId?: string;
  parentId?: string;
}

/** Newest first. */
export function pageSessions(reader: Client, query: SessionsQuery, page: PageArguments): Promise<RowPage<SessionRow>> {
  const { owner, includeArchived, agentId, parentId } = query;
  const filter = { owner, agentId, parentId, ...(includeArchived ? {} : { archivedAt: null }) };
  return keysetPage(page, 'newest-first', ({ where, ...rest }) =>
    reader.session.findMany({ where: { ...filter, ...where }, ...rest }),
  );
}

/** Epoch milliseconds of the newest event of each session that has any. */
export async function lastActivityOfSessions(database: Database, ids: readonly string[]): Promise<Map<string, number>> {
  // An ended run says when it ended; only of open ones, which are few, is the newest event looked up.
  const activity = (sessionIds: string, milliseconds: (column: string) => string) => `
    WITH asked AS (${sessionIds})
    SELECT "sessionId", max("at") AS "at" FROM (
      SELECT "sessionId", max(${milliseconds('"endedAt"')}) AS "at"
        FROM "Run" WHERE "sessionId" IN (SELECT "id" FROM asked) GROUP BY "sessionId"
      UNION ALL
      SELECT "sessionId", (SELECT "recordedAt" FROM "Event" WHERE "runId" = "Run"."id" ORDER BY "seq" DESC LIMIT 1) AS "at"
        FROM "Run" WHERE "sessionId" IN (SELECT "id" FROM asked) AND "state" IN ('PENDING', 'IN_PROGRESS', 'AWAITING_APPROVAL')
    ) AS ends WHERE "at" IS NOT NULL GROUP BY "sessionId"`;
  const text = await database.readText(
    {
      sqlite: `SELECT json_group_array(json_array("sessionId", "at")) FROM (${activity('SELECT value AS "id" FROM json_each(?)', (column) => `CAST(round(unixepoch(${column}, 'subsec') * 1000) AS INTEGER)`)})`,
      postgresql: `SELECT json_agg(json_build_array("sessionId", "at"))::text FROM (${activity('SELECT jsonb_array_elements_text($1::jsonb) AS "id"', (column) => `(extract(epoch FROM ${column}) * 1000)::bigint`)}) AS activity`,
    },
    JSON.stringify(ids),
  );
  return new Map<string, number>(JSON.parse(text ?? '[]'));
}
