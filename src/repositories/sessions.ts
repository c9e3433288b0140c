import { batchWriter, executeWrites, type RowWrite } from '../database/batch-statement.ts';
import type { Client, Database } from '../database/database.ts';
import type { Session, SessionMetadata } from '../database/generated/sqlite/client.ts';
import { queryJson } from '../database/json-query.ts';
import { lockSession } from '../database/locks.ts';
import { deletePassages, insertPassages } from '../database/search-index.ts';
import { idList, keyed, writingStatement } from '../database/statement.ts';
import { defineTable, deleteRows } from '../database/table.ts';
import {
  changeMetadata,
  type Metadata,
  type MetadataChange,
  metadataDigests,
  noMetadata,
  readMetadata,
  storedMetadata,
} from '../domain/metadata.ts';
import { passagesOf } from '../domain/search/passages.ts';
import { recordSessionChange } from './activity.ts';

/** Without the bytes, which statements alone count. */
export type SessionRow = Omit<Session, 'storedBytes'>;

export const sessions = defineTable<SessionRow>('Session', {
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
  metadata: 'text',
});

const insertRow = sessions.insert({ order: 10, omit: ['archivedAt'] });

const insertDigest = defineTable<SessionMetadata>('SessionMetadata', {
  sessionId: 'text',
  digest: 'text',
  owner: 'text',
}).insert({ order: 11 });
const deleteDigests = deleteRows('SessionMetadata', 'sessionId', 3);

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
  metadata?: Metadata;
}

/** Does not index title and metadata: write `titlePassages` and `metadataRows` with it. */
export function insertSession({ branch, resetTurn = 0, useCompaction = true, ...session }: NewSession): RowWrite {
  const { id, owner, key, title, agentId, createdAt, metadata = noMetadata } = session;
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
    metadata: storedMetadata(metadata),
  });
}

/** Returns the rows that find a new session by its metadata. */
export function metadataRows({ id, owner }: { id: string; owner: string }, metadata: Metadata): RowWrite[] {
  return metadataDigests(metadata).map((digest) => insertDigest({ sessionId: id, digest, owner }));
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

const byId = keyed(sessions.select(() => 'WHERE "id" = ?'));
const byKey = keyed(sessions.select(() => 'WHERE "owner" = ? AND "key" = ? AND "archivedAt" IS NULL'));
const byIds = keyed(sessions.select(({ inIds }) => `WHERE "id" ${inIds} AND "owner" = ?`));

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

/** Undefined members stay unchanged. */
export interface SessionChange {
  title?: string | undefined;
  agentId?: string | undefined;
  useCompaction?: boolean | undefined;
  metadata?: MetadataChange | undefined;
}

/**
 * Returns null if the owner has no such session.
 *
 * @param options.check refuses the metadata as it would be after the change. Nothing is changed then.
 * @param options.now epoch milliseconds
 */
export async function updateSession<Refused>(
  database: Database,
  { id, owner }: { id: string; owner: string },
  { metadata: metadataChange, ...change }: SessionChange,
  { check, now }: { check(metadata: Metadata): Refused | null; now: number },
): Promise<SessionRow | Refused | null> {
  return database.write((client) =>
    client.$transaction(async (transaction) => {
      await lockSession(database, transaction, id);
      const before = await transaction.session.findFirst({ where: { id, owner } });
      if (!before) return null;
      const metadata = changeMetadata(readMetadata(before.metadata), metadataChange ?? {});
      const refused = check(metadata);
      if (refused) return refused;
      const row = await transaction.session.update({
        where: { id },
        data: { ...change, metadata: storedMetadata(metadata) },
      });
      const isChanged = metadataChange || Object.values(change).some((value) => value !== undefined);
      await executeWrites(transaction, database.provider, [
        ...(change.title === undefined ? [] : [deletePassages(id), ...titlePassages(id, change.title)]),
        ...(metadataChange ? [deleteDigests(id), ...metadataRows(row, metadata)] : []),
        ...(isChanged ? [recordSessionChange('SESSION_UPDATED', { sessionId: id, at: now })] : []),
      ]);
      return row;
    }),
  );
}

/** Returns false if the owner has no such session. Rejects with a StoreError `constraint` if another one has its key. */
export async function unarchiveSession(
  database: Database,
  session: { id: string; owner: string },
  now: number,
): Promise<boolean> {
  return database.write((client) =>
    client.$transaction(async (transaction) => {
      const where = { ...session, archivedAt: { not: null } };
      const { count } = await transaction.session.updateMany({ where, data: { archivedAt: null } });
      if (count === 0) return (await transaction.session.findFirst({ where: session })) !== null;
      const change = recordSessionChange('SESSION_UPDATED', { sessionId: session.id, at: now });
      await executeWrites(transaction, database.provider, [change]);
      return true;
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
