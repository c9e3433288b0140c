import { batchInsert, batchUpdate, databaseTime, type RowWrite } from '../database/batch-statement.ts';
import type { SequencedEvent, SequencedEventOf } from '../domain/events.ts';
import type { Run } from '../domain/run.ts';
import { callsOf } from '../domain/step.ts';

const insertApproval = batchInsert({
  name: 'insert approval',
  order: 60,
  table: 'Approval',
  columns: {
    id: 'text',
    runId: 'text',
    sessionId: 'text',
    callId: 'text',
    tool: 'text',
    input: 'text',
    risk: '"RiskLevel"',
    summary: 'text',
    status: '"ApprovalStatus"',
    requestedAt: 'timestamp',
    expiresAt: 'timestamp',
  },
  key: ['id'],
  replace: [],
  onConflict: 'refuse',
});

const settleApproval = batchUpdate({
  name: 'settle approval',
  order: 61,
  table: 'Approval',
  columns: {
    id: 'text',
    status: '"ApprovalStatus"',
    scope: '"ApprovalScope"',
    decidedAt: 'timestamp',
    decidedBy: 'text',
    reason: 'text',
    editedInput: 'text',
  },
  key: ['id'],
});

/** The rows of the questions that the events ask or settle. `run` is the fold with the events. */
export function approvalRows(run: Run, events: readonly SequencedEvent[]): RowWrite[] {
  return events.flatMap((event): RowWrite[] => {
    if (event.type === 'approval_request') return [{ statement: insertApproval, row: requested(run, event) }];
    if (event.type === 'approval_decision') return [{ statement: settleApproval, row: settled(event) }];
    return [];
  });
}

function requested(run: Run, { payload, recordedAt }: SequencedEventOf<'approval_request'>) {
  const call = callsOf(run.step).find(({ callId }) => callId === payload.callId);
  return {
    id: payload.approvalId,
    runId: run.runId,
    sessionId: run.origin.sessionId,
    callId: payload.callId,
    tool: call?.tool ?? '',
    input: JSON.stringify(call?.input ?? null),
    risk: payload.risk,
    summary: payload.summary,
    status: 'PENDING',
    requestedAt: databaseTime(recordedAt),
    expiresAt: databaseTime(payload.expiresAt),
  };
}

function settled({ payload, recordedAt }: SequencedEventOf<'approval_decision'>) {
  return {
    id: payload.approvalId,
    status: payload.status,
    scope: payload.scope,
    decidedAt: databaseTime(recordedAt),
    decidedBy: payload.decidedBy,
    reason: payload.reason,
    editedInput: payload.editedInput === null ? null : JSON.stringify(payload.editedInput),
  };
}
