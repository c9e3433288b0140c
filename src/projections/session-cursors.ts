import type { Database } from '../database/database.ts';
import { idList, statement } from '../database/statement.ts';

/** A position on the tape of one run of a session. */
interface SessionPosition {
  sessionId: string;
  runId: string;
  seq: number;
}

// A run that was created later can have newer events. A follower gets them after this run, so its position comes first.
const positions = statement<SessionPosition>(
  { sessionId: 'text', runId: 'text', seq: 'int' },
  ({ inIds, indexedBy }) => `
    SELECT "Session"."id", "Run"."id", (SELECT max("seq") FROM "Event" WHERE "Event"."runId" = "Run"."id")
    FROM "Session" JOIN "Run" ON "Run"."id" = coalesce(
      (SELECT min(opened."id") FROM "Run" AS opened ${indexedBy('Run_open')} WHERE opened."sessionId" = "Session"."id"
        AND opened."state" IN ('PENDING', 'IN_PROGRESS', 'AWAITING_APPROVAL')),
      (SELECT max(newest."id") FROM "Run" AS newest WHERE newest."sessionId" = "Session"."id"))
    WHERE "Session"."id" ${inIds}`,
);

/**
 * The newest event of the first run of each session that has not ended, or else of its last run: what comes next in the session
 * comes after it. Leaves out sessions without runs.
 */
export async function sessionPositions(
  database: Database,
  sessionIds: readonly string[],
): Promise<Map<string, SessionPosition>> {
  const rows = await database.query(positions, idList(sessionIds));
  return new Map(rows.map((row) => [row.sessionId, row]));
}
