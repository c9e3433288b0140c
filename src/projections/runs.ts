import type { RowWrite } from '../database/batch-statement.ts';
import type { Client, Database } from '../database/database.ts';
import type { Run as StoredRun } from '../database/generated/sqlite/client.ts';
import { idList, keyed, statement } from '../database/statement.ts';
import { defineTable } from '../database/table.ts';
import type { SequencedEvent } from '../domain/events.ts';
import { storedMetadata } from '../domain/metadata.ts';
import type { Run } from '../domain/run.ts';
import type { RunStatus } from '../domain/transitions.ts';
import { kindOfId } from '../ids.ts';

export type RunRow = StoredRun;

export const runs = defineTable<RunRow>('Run', {
  id: 'text',
  sessionId: 'text',
  state: '"RunState"',
  turn: 'int',
  urgent: 'boolean',
  input: 'text',
  output: 'text',
  outputTextId: 'text',
  finishReason: 'text',
  errorCode: 'text',
  errorMessage: 'text',
  errorRetryable: 'boolean',
  cancelReason: 'text',
  agentId: 'text',
  agentVersion: 'int',
  model: 'text',
  retryOf: 'text',
  createdAt: 'timestamp',
  startedAt: 'timestamp',
  endedAt: 'timestamp',
  steps: 'int',
  resumptions: 'int',
  inputTokens: 'int',
  outputTokens: 'int',
  usageEstimated: 'boolean',
  cost: 'double precision',
  metadata: 'text',
  hasResult: 'boolean',
});

const insertRun = runs.insert({ order: 15 });
/**
 * Three statements that set different columns, because SQLite rewrites every index on a column that an UPDATE names, also if its
 * value stays the same. Several appends of one run can share a commit, so no two of them may set the same column.
 */
const updateDetails = runs.update({
  order: 50,
  key: ['id'],
  set: [
    'output',
    'outputTextId',
    'finishReason',
    'errorCode',
    'errorMessage',
    'errorRetryable',
    'cancelReason',
    'agentId',
    'agentVersion',
    'model',
    'startedAt',
    'endedAt',
    'steps',
    'resumptions',
    'inputTokens',
    'outputTokens',
    'usageEstimated',
    'cost',
    'hasResult',
  ],
});
const updateState = runs.update({ order: 51, key: ['id'], set: ['state'] });
const updateTurn = runs.update({ order: 52, key: ['id'], set: ['turn'] });

/** Events that do not change the row. */
const ignored: ReadonlySet<SequencedEvent['type']> = new Set([
  'thought',
  'output_delta',
  'tool_call',
  'tool_decision',
  'tool_start',
  'tool_progress',
  'tool_result',
  'approval_request',
  'approval_decision',
  'compaction',
]);

/** Returns what the events change of the run's row. `run` is the fold with the events. */
export function runRows(run: Run, events: readonly SequencedEvent[]): RowWrite[] {
  if (events.every(({ type }) => ignored.has(type))) return [];
  const { runId: id, turn } = run;
  const state = run.state.status;
  if (events[0]?.seq === 1) return [insertRun(columnsOf(run))];
  const entered = events.flatMap(({ type, payload }) => (type === 'status' ? [payload] : []));
  return [
    updateDetails(detailsOf(run)),
    ...(entered.length > 0 ? [updateState({ id, state })] : []),
    ...(entered.some((status) => status.turn != null) ? [updateTurn({ id, turn })] : []),
  ];
}

/** The row that caches a fold. */
export function rowOfRun(run: Run): RunRow {
  const row = columnsOf(run);
  const { createdAt, startedAt, endedAt } = row;
  return {
    ...row,
    createdAt: new Date(createdAt),
    startedAt: startedAt === null ? null : new Date(startedAt),
    endedAt: endedAt === null ? null : new Date(endedAt),
  };
}

/** The same with times in epoch milliseconds. */
function columnsOf(run: Run) {
  const { state, turn, input, createdAt } = run;
  const { sessionId, urgent, retryOf } = run.origin;
  const metadata = storedMetadata(run.metadata);
  return { ...detailsOf(run), sessionId, state: state.status, turn, urgent, input, retryOf, createdAt, metadata };
}

function detailsOf(run: Run) {
  const { state, usage } = run;
  const error = state.status === 'FAILED' ? state.error : null;
  return {
    id: run.runId,
    output: state.status === 'DONE' ? state.output : null,
    outputTextId: state.status === 'DONE' ? (state.storedOutput?.id ?? null) : null,
    finishReason: run.finishReason,
    errorCode: error?.code ?? null,
    errorMessage: error?.message ?? null,
    errorRetryable: error?.retryable ?? null,
    cancelReason: state.status === 'CANCELLED' ? state.reason : null,
    agentId: run.agent?.id ?? run.origin.agentId,
    agentVersion: run.agent?.version ?? null,
    model: run.model,
    startedAt: run.startedAt,
    endedAt: 'endedAt' in state ? state.endedAt : null,
    steps: run.steps,
    resumptions: run.resumptions,
    inputTokens: usage.inputTokens,
    outputTokens: usage.outputTokens,
    usageEstimated: usage.estimated,
    cost: usage.cost,
    hasResult: state.status === 'DONE' && state.hasResult,
  };
}

const byIds = keyed(
  runs.select(
    // Not a join: the planner could start with all sessions of the owner.
    ({ inIds }) => `WHERE "id" ${inIds} AND (SELECT "owner" FROM "Session" WHERE "id" = "Run"."sessionId") = ?`,
  ),
);

export async function runById(database: Database, owner: string, id: string): Promise<RunRow | null> {
  const [run] = await runsByIds(database, owner, [id]);
  return run ?? null;
}

export function runsByIds(database: Database, owner: string, ids: readonly string[]): Promise<RunRow[]> {
  return database.query(byIds, idList(ids), owner);
}

const active: RunStatus[] = ['IN_PROGRESS', 'AWAITING_APPROVAL'];

/** The active run of each session that has one. */
export function activeRunsOf(reader: Pick<Client, 'run'>, sessionIds: readonly string[]): Promise<RunRow[]> {
  return reader.run.findMany({ where: { sessionId: { in: [...sessionIds] }, state: { in: active } } });
}

/** The newest run of each session that has any. */
export async function lastRunsOf(reader: Client, sessionIds: readonly string[]): Promise<RunRow[]> {
  const newest = await reader.run.groupBy({
    by: ['sessionId'],
    where: { sessionId: { in: [...sessionIds] } },
    _max: { id: true },
  });
  return reader.run.findMany({ where: { id: { in: newest.flatMap(({ _max }) => _max.id ?? []) } } });
}

/** The active run of a session, or else the pending one that starts next. */
export async function openRunOf(reader: Pick<Client, 'run'>, sessionId: string): Promise<RunRow | null> {
  const where = { sessionId, state: 'PENDING' as const };
  // In this order: the second query finds a run that starts between the two.
  const pending = await reader.run.findFirst({ where, orderBy: [{ urgent: 'desc' }, { id: 'asc' }] });
  const [activeRun] = await activeRunsOf(reader, [sessionId]);
  return activeRun ?? pending;
}

/** The open runs of a session, as a new message finds them. */
export interface OpenRuns {
  /** The active run, or else the pending one that starts next; null if there is none. */
  open: string | null;
  /** Number of pending runs. */
  waiting: number;
}

export const noOpenRuns: OpenRuns = { open: null, waiting: 0 };

const openRuns = keyed(
  statement<OpenRuns>(
    { open: 'text', waiting: 'int' },
    // The index holds open runs only, so a session's ended runs cost nothing.
    ({ indexedBy }) => `SELECT "id", count(*) FILTER (WHERE "state" = 'PENDING') OVER ()
    FROM "Run" ${indexedBy('Run_open')} WHERE "sessionId" = ? AND "state" IN ('PENDING', 'IN_PROGRESS', 'AWAITING_APPROVAL')
    ORDER BY "state" = 'PENDING', "urgent" DESC, "id" LIMIT 1`,
  ),
);

export async function openRunsOf(database: Database, sessionId: string): Promise<OpenRuns> {
  const [row] = await database.query(openRuns, sessionId);
  return row ?? noOpenRuns;
}

/** The id of the session's first run after `runId`, in the order of creation; of its first run if `runId` is null. */
export async function nextRunId(reader: Client, sessionId: string, runId: string | null): Promise<string | null> {
  const where = { sessionId, ...(runId === null ? {} : { id: { gt: runId } }) };
  const run = await reader.run.findFirst({ where, orderBy: { id: 'asc' }, select: { id: true } });
  return run?.id ?? null;
}

/** A run, and its position in the history that the model is shown. */
export interface Turn {
  runId: string;
  turn: number;
}

const between = (order: 'ASC' | 'DESC') =>
  keyed(
    statement<Turn>(
      { runId: 'text', turn: 'int' },
      () =>
        `SELECT "id", "turn" FROM "Run" WHERE "sessionId" = ? AND "turn" >= ? AND "turn" <= ? ORDER BY "turn" ${order} LIMIT ?`,
    ),
  );
const turns = { oldest: between('ASC'), newest: between('DESC') };

/** The oldest or the newest `limit` started runs of a session between two turns, both inclusive. */
export function runsBetween(
  database: Database,
  sessionId: string,
  { fromTurn, upToTurn }: { fromTurn: number; upToTurn: number },
  { from, limit }: { from: 'oldest' | 'newest'; limit: number },
): Promise<Turn[]> {
  return fromTurn > upToTurn ? Promise.resolve([]) : database.query(turns[from], sessionId, fromTurn, upToTurn, limit);
}

const newestTurnOf = keyed(
  statement<{ turn: number | null }>(
    { turn: 'int' },
    () => `SELECT coalesce((SELECT max("turn") FROM "Run" WHERE "sessionId" = "Session"."id"), "branchTurn")
    FROM "Session" WHERE "id" = ?`,
  ),
);

/** The newest turn of a session, 0 if it has none. The turns of a branch continue those of its parent. */
export async function newestTurn(database: Database, sessionId: string): Promise<number> {
  const [row] = await database.query(newestTurnOf, sessionId);
  return row?.turn ?? 0;
}

export interface UsageTotals {
  inputTokens: number;
  outputTokens: number;
  estimated: boolean;
  /** Null if no run had a price. */
  cost: number | null;
}

/** Sums the usage of the runs of each session that has any. */
export async function usageOfSessions(
  reader: Client,
  sessionIds: readonly string[],
): Promise<Map<string, UsageTotals>> {
  const where = { sessionId: { in: [...sessionIds] } };
  const sums = await reader.run.groupBy({
    by: ['sessionId'],
    where,
    _sum: { inputTokens: true, outputTokens: true, cost: true },
  });
  const estimates = await reader.run.groupBy({ by: ['sessionId'], where: { ...where, usageEstimated: true } });
  const estimated = new Set(estimates.map(({ sessionId }) => sessionId));
  return new Map(
    sums.map(({ sessionId, _sum }) => [
      sessionId,
      {
        inputTokens: _sum.inputTokens ?? 0,
        outputTokens: _sum.outputTokens ?? 0,
        estimated: estimated.has(sessionId),
        cost: _sum.cost,
      },
    ]),
  );
}

const heads = keyed(
  statement<{ runId: string; head: number }>(
    { runId: 'text', head: 'int' },
    ({ inIds }) => `SELECT "runId", coalesce((SELECT max("seq") FROM "Event" WHERE "Event"."runId" = "Tape"."runId"), 0)
    FROM "Tape" WHERE "runId" ${inIds}`,
  ),
);

const headOfOwned = keyed(
  statement<{ head: number }>(
    { head: 'int' },
    () => `SELECT coalesce((SELECT max("seq") FROM "Event" WHERE "runId" = "Run"."id"), 0) FROM "Run"
    WHERE "id" = ? AND (SELECT "owner" FROM "Session" WHERE "id" = "Run"."sessionId") = ?`,
  ),
);

/** The seq of the newest event of a run; null if the owner has no such run. */
export async function headOfRun(database: Database, owner: string, runId: string): Promise<number | null> {
  // Postgres refuses some texts, which are no ids.
  if (kindOfId(runId) !== 'run') return null;
  const [row] = await database.query(headOfOwned, runId, owner);
  return row?.head ?? null;
}

/** The seq of the newest event of each run. */
export async function headsOf(database: Database, runIds: readonly string[]): Promise<Map<string, number>> {
  const rows = await database.query(heads, JSON.stringify(runIds));
  return new Map(rows.map(({ runId, head }) => [runId, head]));
}
