import { batchWriter, type RowWrite } from '../database/batch-statement.ts';
import type { SequencedEvent } from '../domain/events.ts';
import type { Run } from '../domain/run.ts';
import { isTerminal } from '../domain/transitions.ts';
import { bytesOfEndedRun } from './stored-bytes.ts';

/** Locks sessions in the order of their ids, before any other row: servers that write to the same sessions cannot deadlock. */
const lockSessionRow = batchWriter<{ id: string }>(
  { order: 4, distinct: ['id'], columns: { id: 'text' }, postgresqlOnly: true },
  ({ rows, value }) => `SELECT FROM "Session" WHERE "id" IN (SELECT ${value('id')} FROM ${rows})
    ORDER BY "id" FOR NO KEY UPDATE`,
);

/**
 * Never moves a session back: a batch can have several runs of a session, and the clocks of servers differ. Counts the bytes of
 * the runs that end, in the row that their end changes anyway.
 */
const updateActivity = batchWriter<{ id: string; at: Date; endedRunId: string | null }>(
  // After the tapes are closed, whose bytes it adds.
  { order: 45, columns: { id: 'text', at: 'timestamp', endedRunId: 'text' } },
  ({ rows, value }) => `UPDATE "Session" SET
      "activeAt" = CASE WHEN "activeAt" < newest."at" THEN newest."at" ELSE "activeAt" END,
      "storedBytes" = "storedBytes" + newest."bytes"
    FROM (SELECT ${value('id')} AS "id", max(${value('at')}) AS "at", sum(CASE WHEN ${value('endedRunId')} IS NULL THEN 0
        ELSE ${bytesOfEndedRun(value('endedRunId'))} END) AS "bytes" FROM ${rows} GROUP BY 1) AS newest
    WHERE "Session"."id" = newest."id" AND ("Session"."activeAt" < newest."at" OR newest."bytes" > 0)`,
);

/** Sets every session to what it is without runs. A rebuild then applies the rows of each tape, and counts its bytes again. */
export const RESET_ACTIVITY_SQL = [
  'UPDATE "Session" SET "activeAt" = "createdAt", "storedBytes" = 0',
  'UPDATE "Tape" SET "payloadBytes" = NULL WHERE "payloadBytes" IS NOT NULL',
];

/**
 * Returns the rows that move the session in the order of activity, if these events do, and that count a run that ends. `activeAt` is
 * the time of the session's newest event unless a run of it is IN_PROGRESS.
 */
export function sessionActivityRows(run: Run, events: readonly SequencedEvent[]): RowWrite[] {
  const last = events.findLast(countsAsActivity);
  if (!last) return [];
  const { sessionId: id } = run.origin;
  const isEnd = last.type === 'status' && isTerminal(last.payload.to);
  return [lockSessionRow({ id }), updateActivity({ id, at: last.recordedAt, endedRunId: isEnd ? run.runId : null })];
}

/** Events from outside the run, and its end. Counting every delta of an answer would cost a write for each. */
function countsAsActivity(event: SequencedEvent): boolean {
  switch (event.type) {
    case 'input':
    case 'tool_result':
    case 'approval_request':
    case 'approval_decision':
    case 'wait_request':
    case 'wait_settled':
      return true;
    case 'status':
      return event.payload.to !== 'IN_PROGRESS';
    case 'context':
    case 'thought':
    case 'output_delta':
    case 'output':
    case 'tool_call':
    case 'tool_decision':
    case 'tool_start':
    case 'tool_progress':
    case 'compaction':
    case 'resumption':
      return false;
    default:
      return event satisfies never;
  }
}
