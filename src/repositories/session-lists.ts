import { databaseTime } from '../database/batch-statement.ts';
import type { Database } from '../database/database.ts';
import { allOf, type Condition, countRows, equals, isOneOf, readList } from '../database/list-query.ts';
import { type Metadata, metadataDigests, noMetadata } from '../domain/metadata.ts';
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

const newestState = `(SELECT "state" FROM "Run" WHERE "sessionId" = "Session"."id" ORDER BY "id" DESC LIMIT 1)`;

/** The condition on "Session" that a query stands for. */
export function sessionCondition(query: SessionsQuery): Condition {
  const { owner, includeArchived, agentId, parentId, states, metadata = noMetadata } = query;
  return allOf([
    ...equals('"Session"."owner"', owner),
    ...(includeArchived ? [] : [{ sql: '"Session"."archivedAt" IS NULL', parameters: [] }]),
    ...equals('"Session"."agentId"', agentId),
    ...equals('"Session"."parentId"', parentId),
    ...isOneOf(newestState, states),
    ...metadataDigests(metadata).map((digest) => ({
      sql: '"Session"."id" IN (SELECT "sessionId" FROM "SessionMetadata" WHERE "owner" = ? AND "digest" = ?)',
      parameters: [owner, digest],
    })),
  ]);
}

/** Newest first. */
export async function pageSessions(
  database: Database,
  query: SessionsQuery,
  page: PageArguments,
): Promise<RowPage<SessionRow>> {
  const rows = await readList(database, { name: 'Session', ...sessions }, sessionCondition(query), {
    owner: query.owner,
    order: ['"Session"."id"'],
    after: page.after === null ? null : [page.after],
    before: page.before === null ? null : [page.before],
    from: page.from,
    limit: page.size + 1,
  });
  return pageOf(rows, page);
}

/** A position in the order of activity. */
export interface ActivityPosition {
  activeAt: Date;
  id: string;
}

/** Latest activity first; newer sessions first if it is equal. */
export async function pageActiveSessions(
  database: Database,
  query: SessionsQuery,
  page: PageArguments<ActivityPosition>,
): Promise<RowPage<SessionRow>> {
  const valuesOf = ({ activeAt, id }: ActivityPosition) => [databaseTime(activeAt), id];
  const rows = await readList(database, { name: 'Session', ...sessions }, sessionCondition(query), {
    owner: query.owner,
    order: ['"Session"."activeAt"', '"Session"."id"'],
    after: page.after && valuesOf(page.after),
    before: page.before && valuesOf(page.before),
    from: page.from,
    limit: page.size + 1,
  });
  return pageOf(rows, page);
}

/** Counts up to `maximum` sessions. */
export function countSessions(database: Database, query: SessionsQuery, maximum: number): Promise<number> {
  return countRows(database, { table: 'Session', owner: query.owner }, sessionCondition(query), maximum);
}
