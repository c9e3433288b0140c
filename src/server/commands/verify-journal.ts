import type { Database } from '../../database/database.ts';
import { openSqliteForReading } from '../../database/sqlite.ts';
import { createDatabaseJournal } from '../../journal/database-journal.ts';
import type { Verification } from '../../journal/journal.ts';

const PAGE_TAPES = 200;

/** Checks every tape of a store, also while a server uses it. `report` hears of each one that is broken. */
export async function verifyJournal(
  databaseUrl: string,
  report: (broken: Extract<Verification, { kind: 'broken' }>) => void,
): Promise<{ tapes: number; events: number; broken: number }> {
  const database = await openSqliteForReading(databaseUrl);
  try {
    const journal = createDatabaseJournal(database, () => undefined);
    const found = { tapes: 0, events: 0, broken: 0 };
    for (
      let runIds = await tapesAfter(database, '');
      runIds.length > 0;
      runIds = await tapesAfter(database, runIds.at(-1) ?? '')
    ) {
      for (const runId of runIds) {
        const verification = await journal.verify(runId);
        found.tapes += 1;
        if (verification.kind === 'intact') found.events += verification.events;
        else {
          found.broken += 1;
          report(verification);
        }
      }
    }
    return found;
  } finally {
    await database.close();
  }
}

async function tapesAfter({ reader }: Database, runId: string): Promise<string[]> {
  const tapes = await reader.tape.findMany({
    where: { runId: { gt: runId } },
    orderBy: { runId: 'asc' },
    take: PAGE_TAPES,
    select: { runId: true },
  });
  return tapes.map((tape) => tape.runId);
}
