import type { Database } from '../database/database.ts';
import { idList, statement } from '../database/statement.ts';

interface QueuedRun {
  sessionId: string;
  runId: string;
  /** How many open runs of the session come first. */
  position: number;
}

const queue = statement<QueuedRun>(
  { sessionId: 'text', runId: 'text', position: 'int' },
  // The index holds open runs only, so ended runs cost nothing.
  ({ indexedBy, inIds }) => `SELECT "sessionId", "id",
      row_number() OVER (PARTITION BY "sessionId" ORDER BY "state" = 'PENDING', "urgent" DESC, "id") - 1
    FROM "Run" ${indexedBy('Run_open')}
    WHERE "sessionId" ${inIds} AND "state" IN ('PENDING', 'IN_PROGRESS', 'AWAITING_APPROVAL')`,
);

/** The position of each open run of these sessions, by session and run. The active run is the first one. */
export async function queuePositions(
  database: Database,
  sessionIds: readonly string[],
): Promise<Map<string, Map<string, number>>> {
  const positions = new Map<string, Map<string, number>>();
  for (const { sessionId, runId, position } of await database.query(queue, idList(sessionIds))) {
    const ofSession = positions.get(sessionId) ?? new Map<string, number>();
    positions.set(sessionId, ofSession.set(runId, position));
  }
  return positions;
}

/** Ids of the open runs of a session, in the order in which they come up: the active one first. */
export async function openRunIds(database: Database, sessionId: string): Promise<string[]> {
  const positions = [...((await queuePositions(database, [sessionId])).get(sessionId) ?? [])];
  return positions.sort(([, left], [, right]) => left - right).map(([runId]) => runId);
}
