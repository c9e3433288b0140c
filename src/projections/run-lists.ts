import { databaseTime } from '../database/batch-statement.ts';
import type { Database } from '../database/database.ts';
import { allOf, type Condition, countRows, equals, isOneOf, ofOwner, readList } from '../database/list-query.ts';
import { type Metadata, metadataDigests, noMetadata } from '../domain/metadata.ts';
import { type PageArguments, pageOf, type RowPage } from '../domain/page.ts';
import type { RunStatus } from '../domain/transitions.ts';
import { createIds } from '../ids.ts';
import { type RunRow, runs } from './runs.ts';
import { ID_AGE_MILLISECONDS } from './usage-report.ts';

/** Selects runs of one owner. A missing member is no condition. */
export interface RunsQuery {
  owner: string;
  sessionId?: string | undefined;
  states?: readonly RunStatus[] | undefined;
  /** Both exclusive. */
  createdAfter?: Date | undefined;
  createdBefore?: Date | undefined;
  /** Every key must have this value. */
  metadata?: Metadata | undefined;
  agentId?: string | undefined;
  model?: string | undefined;
  errorCodes?: readonly string[] | undefined;
}

function runCondition(query: RunsQuery): Condition {
  const { owner, sessionId, states, createdAfter, createdBefore, metadata = noMetadata } = query;
  const digests = metadataDigests(metadata);
  return allOf([
    ofOwner('Run', owner, sessionId !== undefined || states !== undefined || digests.length > 0),
    ...equals('"Run"."sessionId"', sessionId),
    ...isOneOf('"Run"."state"', states),
    ...equals('"Run"."agentId"', query.agentId),
    ...equals('"Run"."model"', query.model),
    ...isOneOf('"Run"."errorCode"', query.errorCodes),
    ...(createdAfter ? [createdAfterCondition(createdAfter)] : []),
    ...(createdBefore ? [{ sql: '"Run"."createdAt" < ?', parameters: [databaseTime(createdBefore)] }] : []),
    ...digests.map((digest) => ({
      sql: '"Run"."id" IN (SELECT "runId" FROM "RunMetadata" WHERE "owner" = ? AND "digest" = ?)',
      parameters: [owner, digest],
    })),
  ]);
}

/** Ids sort by time: with a bound for them too, the runs before are not read. */
function createdAfterCondition(instant: Date): Condition {
  const firstId = createIds(() => Math.max(0, instant.getTime() - ID_AGE_MILLISECONDS))('run');
  return {
    sql: '"Run"."id" >= ? AND "Run"."createdAt" > ?',
    parameters: [firstId, databaseTime(instant)],
  };
}

/** Newest first. */
export async function pageRuns(database: Database, query: RunsQuery, page: PageArguments): Promise<RowPage<RunRow>> {
  const rows = await readList(database, { name: 'Run', ...runs }, runCondition(query), {
    owner: query.owner,
    order: ['"Run"."id"'],
    after: page.after === null ? null : [page.after],
    before: page.before === null ? null : [page.before],
    from: page.from,
    limit: page.size + 1,
  });
  return pageOf(rows, page);
}

/** Counts up to `maximum` runs. */
export function countRuns(database: Database, query: RunsQuery, maximum: number): Promise<number> {
  return countRows(database, { table: 'Run', owner: query.owner }, runCondition(query), maximum);
}
