import { batchInsert, databaseTime, optionalDatabaseTime, type RowWrite } from '../database/batch-statement.ts';
import type { SequencedEvent } from '../domain/events.ts';
import type { Run } from '../domain/run.ts';

const columns = {
  id: 'text',
  sessionId: 'text',
  state: '"RunState"',
  turn: 'int',
  urgent: 'boolean',
  input: 'text',
  output: 'text',
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
};

const shape = { table: 'Run', columns, key: ['id'] };

const insertRun = batchInsert({ name: 'insert run', order: 15, ...shape, replace: [], onConflict: 'refuse' });

const replaceRun = batchInsert({
  name: 'replace run',
  order: 50,
  ...shape,
  replace: [
    'state',
    'turn',
    'output',
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
  ],
  onConflict: 'replace',
});

/** Events after which the row stays as it is. */
const silent: ReadonlySet<SequencedEvent['type']> = new Set([
  ...(['thought', 'output_delta', 'tool_call', 'tool_decision', 'tool_start'] as const),
  ...(['tool_progress', 'tool_result'] as const),
  ...(['approval_request', 'approval_decision', 'compaction'] as const),
]);

/** The row that queries read of a run, where the events change it. */
export function runRows(run: Run, events: readonly SequencedEvent[]): RowWrite[] {
  if (events.every(({ type }) => silent.has(type))) return [];
  return [{ statement: events[0]?.seq === 1 ? insertRun : replaceRun, row: runRow(run) }];
}

function runRow(run: Run) {
  const { origin, state, usage } = run;
  const error = state.status === 'FAILED' ? state.error : null;
  return {
    id: run.runId,
    sessionId: origin.sessionId,
    state: state.status,
    turn: run.turn,
    urgent: origin.urgent,
    input: run.input,
    output: state.status === 'DONE' ? state.output : null,
    errorCode: error?.code ?? null,
    errorMessage: error?.message ?? null,
    errorRetryable: error?.retryable ?? null,
    cancelReason: state.status === 'CANCELLED' ? state.reason : null,
    agentId: run.agent?.id ?? origin.agentId,
    agentVersion: run.agent?.version ?? null,
    model: run.model,
    retryOf: origin.retryOf,
    createdAt: databaseTime(run.createdAt),
    startedAt: optionalDatabaseTime(run.startedAt),
    endedAt: 'endedAt' in state ? databaseTime(state.endedAt) : null,
    steps: run.steps,
    resumptions: run.resumptions,
    inputTokens: usage.inputTokens,
    outputTokens: usage.outputTokens,
    usageEstimated: usage.estimated,
    cost: usage.cost,
  };
}
