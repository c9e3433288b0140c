import { type BatchStatement, databaseTime, type RowWrite } from '../database/batch-statement.ts';
import type { SequencedEvent } from '../domain/events.ts';
import type { Run } from '../domain/run.ts';

/** Locked one way round before anything else is: servers that move the same sessions at once never wait for each other in a circle. */
const holdSession: BatchStatement = {
  name: 'hold session',
  order: 4,
  distinct: ['id'],
  sqlite: null,
  postgresql: `SELECT FROM "Session" WHERE "id" IN (SELECT element."id" FROM jsonb_to_recordset($1::jsonb) AS element("id" text))
    ORDER BY "id" FOR NO KEY UPDATE`,
};

/** Forwards only: several runs of a session may be in one batch, and clocks of servers differ. */
const moveSession: BatchStatement = {
  name: 'move session',
  order: 13,
  distinct: null,
  sqlite: `UPDATE "Session" SET "activeAt" = newest."at"
    FROM (SELECT value ->> 'id' AS "id", max(value ->> 'at') AS "at" FROM json_each(?) GROUP BY 1) AS newest
    WHERE "Session"."id" = newest."id" AND "Session"."activeAt" < newest."at"`,
  postgresql: `UPDATE "Session" SET "activeAt" = newest."at"
    FROM (SELECT "id", max("at") AS "at" FROM jsonb_to_recordset($1::jsonb) AS element("id" text, "at" timestamp) GROUP BY "id") AS newest
    WHERE "Session"."id" = newest."id" AND "Session"."activeAt" < newest."at"`,
};

/** Puts every session where it stands without its tapes; each of these moves it on. */
export const resetActivityStatement = 'UPDATE "Session" SET "activeAt" = "createdAt"';

/**
 * The session's place in the order of activity, where the events move it. While no run of it is at work, that is the time of
 * its newest event.
 */
export function sessionActivityRows(run: Run, events: readonly SequencedEvent[]): RowWrite[] {
  const last = events.findLast(moves);
  if (!last) return [];
  const { sessionId: id } = run.origin;
  return [
    { statement: holdSession, row: { id } },
    { statement: moveSession, row: { id, at: databaseTime(last.recordedAt) } },
  ];
}

/** What comes from outside of a run, and its end. To move with every piece of an answer would cost a write for each. */
function moves(event: SequencedEvent): boolean {
  switch (event.type) {
    case 'input':
    case 'tool_result':
    case 'approval_request':
    case 'approval_decision':
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
