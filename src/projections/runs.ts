import type { RowWrite } from '../database/batch-statement.ts';
import type { Database } from '../database/database.ts';
import type { Run as StoredRun } from '../database/generated/sqlite/client.ts';
import { idList, keyed, statement } from '../database/statement.ts';
import { defineTable } from '../database/table.ts';
import type { SequencedEvent } from '../domain/events.ts';
import { storedMetadata } from '../domain/metadata.ts';
import type { Run } from '../domain/run.ts';
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
