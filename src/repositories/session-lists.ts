import { databaseTime } from '../database/batch-statement.ts';
import type { Database } from '../database/database.ts';
import { type Parameter, statement } from '../database/statement.ts';
import { type Metadata, metadataDigests } from '../domain/metadata.ts';
import { type PageArguments, pageOf, type RowPage } from '../domain/page.ts';
import type { RunStatus } from '../domain/transitions.ts';
import { type SessionRow, sessions } from './sessions.ts';

/** Selects sessions of one owner. A missing member is no condition. */
export interface SessionsQuery {
  owner: string;
  includeArchived: boolean;
  agentId?: string | undefined;
  parentId?: string | undefined;
  /** States of the newest run. */
  states?: readonly RunStatus[] | undefined;
  /** Every key must have this value. */
  metadata?: Metadata | undefined;
}

/** SQL for both databases. Each `?` stands for one of the parameters, in their order. */
interface Condition {
  sql: string;
  parameters: (string | number)[];
}

/** The condition on "Session" that a query stands for. */
export function sessionCondition(query: SessionsQuery): Condition {
  const { owner, includeArchived, agentId, parentId, states, metadata = {} } = query;
  const conditions: Condition[] = [
    { sql: '"Session"."owner" = ?', parameters: [owner] },
    ...(includeArchived ? [] : [{ sql: '"Session"."archivedAt" IS NULL', parameters: [] }]),
    ...(agentId === undefined ? [] : [{ sql: '"Session"."agentId" = ?', parameters: [agentId] }]),
    ...(parentId === undefined ? [] : [{ sql: '"Session"."parentId" = ?', parameters: [parentId] }]),
    ...(states ? [newestRunIn(states)] : []),
    ...metadataDigests(metadata).map((digest) => ({
      sql: '"Session"."id" IN (SELECT "sessionId" FROM "SessionMetadata" WHERE "owner" = ? AND "digest" = ?)',
      parameters: [owner, digest],
    })),
  ];
  return {
    sql: conditions.map(({ sql }) => sql).join(' AND '),
    parameters: conditions.flatMap(({ parameters }) => parameters),
  };
}

function newestRunIn(states: readonly RunStatus[]): Condition {
  const newest = `SELECT CAST("state" AS text) FROM "Run" WHERE "sessionId" = "Session"."id" ORDER BY "id" DESC LIMIT 1`;
  const parameters = [...new Set(states)];
  // A list without states selects nothing.
  const list = parameters.length === 0 ? 'NULL' : parameters.map(() => '?').join(', ');
  return { sql: `(${newest}) IN (${list})`, parameters };
}

/** Newest first. */
export function pageSessions(
  database: Database,
  query: SessionsQuery,
  page: PageArguments,
): Promise<RowPage<SessionRow>> {
  return readPage(database, query, page, ['id'], (id) => [id]);
}

/** A position in the order of activity. */
export interface ActivityPosition {
  activeAt: Date;
  id: string;
}

/** Latest activity first; newer sessions first if it is equal. */
export function pageActiveSessions(
  database: Database,
  query: SessionsQuery,
  page: PageArguments<ActivityPosition>,
): Promise<RowPage<SessionRow>> {
  return readPage(database, query, page, ['activeAt', 'id'], ({ activeAt, id }) => [databaseTime(activeAt), id]);
}

/**
 * @param order columns that order the list, each descending
 * @param valuesOf the values of these columns at a bound of the page
 */
async function readPage<Bound>(
  database: Database,
  query: SessionsQuery,
  page: PageArguments<Bound>,
  order: readonly string[],
  valuesOf: (bound: Bound) => Parameter[],
): Promise<RowPage<SessionRow>> {
  const { sql, parameters } = sessionCondition(query);
  const columns = order.map((name) => `"Session"."${name}"`);
  const beyond = (side: '<' | '>') => `(${columns.join(', ')}) ${side} (${columns.map(() => '?').join(', ')})`;
  const bounds = [
    ...(page.after === null ? [] : [{ sql: beyond('<'), parameters: valuesOf(page.after) }]),
    ...(page.before === null ? [] : [{ sql: beyond('>'), parameters: valuesOf(page.before) }]),
  ];
  const direction = page.from === 'start' ? 'DESC' : 'ASC';
  const where = [sql, ...bounds.map((bound) => bound.sql)].join(' AND ');
  const select = sessions.select(
    () => `WHERE ${where} ORDER BY ${columns.map((column) => `${column} ${direction}`).join(', ')} LIMIT ?`,
  );
  const values = [...parameters, ...bounds.flatMap((bound) => bound.parameters), page.size + 1];
  return pageOf(await database.query(select, ...values), page);
}

/** Counts up to `maximum` sessions. */
export async function countSessions(database: Database, query: SessionsQuery, maximum: number): Promise<number> {
  const { sql, parameters } = sessionCondition(query);
  const count = statement<{ count: number }>(
    { count: 'int' },
    () => `SELECT count(*) FROM (SELECT 1 FROM "Session" WHERE ${sql} LIMIT ?) AS counted`,
  );
  const [row] = await database.query(count, ...parameters, maximum);
  return row?.count ?? 0;
}
