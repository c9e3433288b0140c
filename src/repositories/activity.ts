import { batchWriter, type RowWrite } from '../database/batch-statement.ts';
import type { Database } from '../database/database.ts';
import { type OpenWriter, openWritersOf } from '../database/open-writers.ts';
import { type ColumnTypes, type SqlParts, type Statement, statement } from '../database/statement.ts';
import type { ActivityItem, ActivityKind, Change } from '../domain/activity.ts';
import { type PageArguments, pageOf, type RowPage } from '../domain/page.ts';

const columns: ColumnTypes<ActivityItem> = {
  position: 'bigint',
  owner: 'text',
  kind: '"ActivityKind"',
  sessionId: 'text',
  runId: 'text',
  waitId: 'text',
  state: '"RunState"',
  occurredAt: 'timestamp',
};

type NewRow = Omit<ActivityItem, 'position' | 'owner'> & { owner: string | null };

/**
 * Written last in its transaction: the rows that the change concerns are locked by then, so changes of one object have their
 * positions in the order of their commits, and the time between taking a position and the commit is short.
 */
const insertActivity = batchWriter<NewRow>(
  {
    order: 95,
    columns: {
      owner: 'text',
      kind: '"ActivityKind"',
      sessionId: 'text',
      runId: 'text',
      waitId: 'text',
      state: '"RunState"',
      occurredAt: 'timestamp',
    },
  },
  ({ rows, value }) => `INSERT INTO "Activity" ("owner", "kind", "sessionId", "runId", "waitId", "state", "occurredAt")
    SELECT coalesce(${value('owner')}, (SELECT "owner" FROM "Session" WHERE "id" = ${value('sessionId')})),
      ${['kind', 'sessionId', 'runId', 'waitId', 'state', 'occurredAt'].map(value).join(', ')} FROM ${rows}`,
);

/** Adds a change to the feed of the session's owner. @param owner needed if the session is deleted in the same transaction */
export function recordChange(change: Change, owner: string | null = null): RowWrite {
  return insertActivity({ ...change, owner });
}

type SessionKind = Extract<ActivityKind, `SESSION_${string}`>;

/** Adds a change of a session itself. @param at epoch milliseconds */
export function recordSessionChange(
  kind: SessionKind,
  { sessionId, at, owner }: { sessionId: string; at: number; owner?: string },
): RowWrite {
  const change = { kind, sessionId, runId: null, waitId: null, state: null, occurredAt: new Date(at) };
  return recordChange(change, owner);
}

const list = Object.keys(columns)
  .map((name) => `"${name}"`)
  .join(', ');

const after = {
  ...statement(columns, () => `SELECT ${list} FROM "Activity" WHERE "position" > ? ORDER BY "position" LIMIT ?`),
  reads: 'many' as const,
};

/** Changes of all owners after a position, as far as they are visible. */
export function activityAfter(database: Database, position: number, limit: number): Promise<ActivityItem[]> {
  return database.query(after, position, limit);
}

/** The ends of what is stored. */
export interface ActivityBounds {
  /** The newest position that was deleted after the retention period; 0 if none was. */
  prunedUpTo: number;
  /** The newest position of all. */
  newest: number;
}

const bounds = statement<ActivityBounds>(
  { prunedUpTo: 'bigint', newest: 'bigint' },
  () =>
    `SELECT "prunedUpTo", coalesce((SELECT max("position") FROM "Activity"), "prunedUpTo") FROM "ActivityRetention"`,
);

export async function activityBounds(database: Database): Promise<ActivityBounds> {
  const [row] = await database.query(bounds);
  if (!row) throw new Error('The table ActivityRetention has lost its row.');
  return row;
}

const openWriters = openWritersOf('Activity');

/** The transactions that may have a position that is not visible yet. */
export function openActivityWriters(database: Database): Promise<OpenWriter[]> {
  return database.query(openWriters);
}

export interface ActivityQuery {
  owner: string;
  /** Whether what approvers decide about is included: approvals and budget requests of other owners. */
  everyDecision: boolean;
  /** An empty list includes no kind. */
  kinds: readonly ActivityKind[];
  /** Null for every session. */
  sessionId: string | null;
}

type Direction = 'ASC' | 'DESC';

/** Changes between two positions, both exclusive. */
function pageStatement(direction: Direction, everyDecision: boolean): Statement<ActivityItem> {
  const range = `"position" > ? AND "position" < ? AND CAST("kind" AS text)`;
  const select = ({ indexedBy, inIds }: SqlParts, index: string, condition: string) =>
    `SELECT ${list} FROM "Activity" ${indexedBy(index)} WHERE ${condition} AND ${range} ${inIds}
      AND (CAST(? AS text) IS NULL OR "sessionId" = ?)`;
  // Two ranges of two indexes, which the database merges: a condition with OR would make it sort all rows.
  const decisions = `"waitId" IS NOT NULL AND substr("waitId", 1, 4) IN ('apr_', 'bud_') AND "owner" <> ?`;
  return {
    ...statement(columns, (parts) => {
      const own = select(parts, 'Activity_owner_position_idx', '"owner" = ?');
      const others = everyDecision ? `UNION ALL ${select(parts, 'Activity_waits', decisions)}` : '';
      return `${own} ${others} ORDER BY "position" ${direction} LIMIT ?`;
    }),
    reads: 'many',
  };
}

const pages = {
  own: { ASC: pageStatement('ASC', false), DESC: pageStatement('DESC', false) },
  everyDecision: { ASC: pageStatement('ASC', true), DESC: pageStatement('DESC', true) },
};

/** Oldest first. @param upTo the newest position to read */
export async function pageActivity(
  database: Database,
  query: ActivityQuery,
  page: PageArguments<number>,
  upTo: number,
): Promise<RowPage<ActivityItem>> {
  const { owner, everyDecision, kinds, sessionId } = query;
  const low = page.after ?? 0;
  const high = Math.min(page.before ?? upTo + 1, upTo + 1);
  const parameters = [owner, low, high, JSON.stringify(kinds), sessionId, sessionId];
  const found = await database.query(
    pages[everyDecision ? 'everyDecision' : 'own'][page.from === 'start' ? 'ASC' : 'DESC'],
    ...parameters,
    ...(everyDecision ? parameters : []),
    page.size + 1,
  );
  return pageOf(found, page);
}

const oldest = statement<Pick<ActivityItem, 'position' | 'occurredAt'>>(
  { position: 'bigint', occurredAt: 'timestamp' },
  () => `SELECT "position", "occurredAt" FROM "Activity" ORDER BY "position" LIMIT ?`,
);

const pruned = { columns: { position: 'bigint' } } as const;

const advancePruned = batchWriter<{ position: number }>(
  { ...pruned, order: 1 },
  ({ rows, value }) => `UPDATE "ActivityRetention" SET "prunedUpTo" = pruned."position"
    FROM (SELECT max(${value('position')}) AS "position" FROM ${rows}) AS pruned WHERE "prunedUpTo" < pruned."position"`,
);

const deletePruned = batchWriter<{ position: number }>(
  { ...pruned, order: 2 },
  ({ rows, value }) => `DELETE FROM "Activity" WHERE "position" <= (SELECT max(${value('position')}) FROM ${rows})`,
);

/** Rows that are deleted in one transaction. */
const DELETED_AT_A_TIME = 1000;

/** Deletes the oldest changes, up to the first one that did not occur before a time. Returns their number. */
export async function pruneActivity(database: Database, before: Date): Promise<number> {
  for (let deleted = 0; ; ) {
    const rows = await database.query(oldest, DELETED_AT_A_TIME);
    const kept = rows.findIndex(({ occurredAt }) => occurredAt >= before);
    const expired = kept === -1 ? rows : rows.slice(0, kept);
    const last = expired.at(-1);
    if (!last) return deleted;
    const { position } = last;
    await database.commit([advancePruned({ position }), deletePruned({ position })]);
    deleted += expired.length;
    if (expired.length < DELETED_AT_A_TIME) return deleted;
  }
}
