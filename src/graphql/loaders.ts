import DataLoader from 'dataloader';
import { visibleOwner } from '../application/approval/approval-access.ts';
import type { CommandContext, Viewer } from '../application/command-context.ts';
import type { RecordedEvent } from '../domain/events.ts';
import { type IdKind, kindOfId } from '../ids.ts';
import { type ApprovalRow, approvalsByIds, pendingApprovalsOf } from '../projections/approvals.ts';
import {
  activeRunsOf,
  headsOf,
  lastRunsOf,
  type RunRow,
  runsByIds,
  type UsageTotals,
  usageOfSessions,
} from '../projections/runs.ts';
import { type AgentRow, agentsByIds } from '../repositories/agents.ts';
import { type CompactionRow, compactionsByIds } from '../repositories/compactions.ts';
import { type GrantRow, grantsByIds, grantsOf } from '../repositories/grants.ts';
import { type MemoryRow, memoriesByIds } from '../repositories/memory/memories.ts';
import { lastActivityOfSessions, ownersOf, type SessionRow, sessionsByIds } from '../repositories/sessions.ts';
import type { FollowDependencies } from '../streams/follow-run.ts';

type Loader<Value> = DataLoader<string, Value>;

/** Rows by id, read many at a time. What is not the viewer's is null, like what does not exist. */
export interface Loaders {
  session: Loader<SessionRow | null>;
  run: Loader<RunRow | null>;
  approval: Loader<ApprovalRow | null>;
  agent: Loader<AgentRow | null>;
  memory: Loader<MemoryRow | null>;
  artifact: Loader<CompactionRow | null>;
  grant: Loader<GrantRow | null>;
  /** By run: seq of its newest event. */
  head: Loader<number>;
  /** By run: questions that wait, oldest first. */
  pendingApprovals: Loader<readonly ApprovalRow[]>;
  /** By session. */
  /** The principal that it is of. */
  owner: Loader<string | null>;
  activeRun: Loader<RunRow | null>;
  lastRun: Loader<RunRow | null>;
  usage: Loader<UsageTotals>;
  /** By session: epoch milliseconds of the newest event of the run at work; null where there is none. */
  lastActivity: Loader<number | null>;
  grants: Loader<readonly GrantRow[]>;
  /** By run: its last events, oldest first. */
  lastEvents: DataLoader<TapeEndKey, readonly RecordedEvent[], string>;
}

interface TapeEndKey {
  runId: string;
  count: number;
}

/** Ids in one statement: databases bound its parameters. */
const BATCH = 500;

const noUsage: UsageTotals = { inputTokens: 0, outputTokens: 0, estimated: false, cost: null };

/** Those keyed by run or session trust their keys, which come out of rows that are the viewer's. */
export function createLoaders(
  { database, now, journal }: Pick<CommandContext, 'database' | 'now'> & Pick<FollowDependencies, 'journal'>,
  viewer: Viewer,
): Loaders {
  const { reader } = database;
  const { principal: owner } = viewer;
  const asker = visibleOwner(viewer);
  return {
    session: rowLoader('session', (ids) => sessionsByIds(database, owner, ids)),
    run: rowLoader('run', (ids) => runsByIds(database, owner, ids)),
    approval: rowLoader('approval', (ids) => approvalsByIds(reader, asker, ids)),
    agent: rowLoader('agent', (ids) => agentsByIds(reader, owner, ids)),
    memory: rowLoader('memory', (ids) => memoriesByIds(reader, owner, ids)),
    artifact: rowLoader('artifact', (ids) => compactionsByIds(reader, owner, ids)),
    grant: rowLoader('grant', (ids) => grantsByIds(reader, owner, ids)),
    head: batchLoader((ids) => headsOf(database, ids), 0),
    pendingApprovals: batchLoader(
      async (ids) => grouped(await pendingApprovalsOf(reader, ids), ({ runId }) => runId),
      [],
    ),
    owner: batchLoader((ids) => ownersOf(reader, ids), null),
    activeRun: batchLoader(async (ids) => keyed(await activeRunsOf(reader, ids), ({ sessionId }) => sessionId), null),
    lastRun: batchLoader(async (ids) => keyed(await lastRunsOf(reader, ids), ({ sessionId }) => sessionId), null),
    usage: batchLoader((ids) => usageOfSessions(reader, ids), noUsage),
    lastActivity: batchLoader((ids) => lastActivityOfSessions(database, ids), null),
    grants: batchLoader(
      async (ids) => grouped(await grantsOf(reader, ids, new Date(now())), ({ sessionId }) => sessionId),
      [],
    ),
    lastEvents: new DataLoader((keys) => lastEvents(journal, keys), {
      cacheKeyFn: ({ runId, count }) => `${runId}/${count}`,
      maxBatchSize: BATCH,
    }),
  };
}

/** One read for each count that is asked for; a document seldom asks for two. */
async function lastEvents({ readEnds }: FollowDependencies['journal'], keys: readonly TapeEndKey[]) {
  const byCount = new Map(
    await Promise.all(
      [...new Set(keys.map(({ count }) => count))].map(async (count) => {
        const runIds = keys.filter((key) => key.count === count).map(({ runId }) => runId);
        return [count, await readEnds(runIds, count)] as const;
      }),
    ),
  );
  return keys.map(({ runId, count }) => byCount.get(count)?.get(runId) ?? []);
}

/** After a change, what was read before it may be wrong. */
export function clearLoaders(loaders: Loaders): void {
  for (const loader of Object.values(loaders)) loader.clearAll();
}

function batchLoader<Value, Absent>(
  find: (keys: readonly string[]) => Promise<ReadonlyMap<string, Value>>,
  absent: Absent,
): Loader<Value | Absent> {
  return new DataLoader(
    async (keys) => {
      const found = await find(keys);
      return keys.map((key) => found.get(key) ?? absent);
    },
    { maxBatchSize: BATCH },
  );
}

/** What is no id of this kind is not asked for. */
function rowLoader<Row extends { id: string }>(
  kind: IdKind,
  find: (ids: readonly string[]) => Promise<Row[]>,
): Loader<Row | null> {
  return batchLoader(async (keys) => {
    const ids = keys.filter((key) => kindOfId(key) === kind);
    return keyed(ids.length > 0 ? await find(ids) : [], ({ id }) => id);
  }, null);
}

function keyed<Row>(rows: readonly Row[], keyOf: (row: Row) => string): Map<string, Row> {
  return new Map(rows.map((row) => [keyOf(row), row]));
}

function grouped<Row>(rows: readonly Row[], keyOf: (row: Row) => string): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const group = groups.get(keyOf(row));
    if (group) group.push(row);
    else groups.set(keyOf(row), [row]);
  }
  return groups;
}
