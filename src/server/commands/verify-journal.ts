import { systemClock } from '../../clock.ts';
import type { Database } from '../../database/database.ts';
import { queryJson } from '../../database/json-query.ts';
import { openForReading } from '../../database/open-database.ts';
import { createDatabaseJournal } from '../../journal/database-journal.ts';
import type { Verification } from '../../journal/journal.ts';

const PAGE_TAPES = 200;

/** Checks every tape of a store, also while a server uses it. `report` hears of each one that is broken. */
export async function verifyJournal(
  databaseUrl: string,
  report: (broken: Extract<Verification, { kind: 'broken' }>) => void,
): Promise<{ tapes: number; events: number; broken: number }> {
  const database = await openForReading(databaseUrl);
  try {
    const journal = createDatabaseJournal(database, systemClock);
    const found = { tapes: 0, events: 0, broken: 0 };
    const check = async (runId: string) => {
      const verification = await journal.verify(runId);
      found.tapes += 1;
      if (verification.kind === 'intact') found.events += verification.events;
      else {
        found.broken += 1;
        report(verification);
      }
    };
    for (let runIds = await tapesAfter(database, ''); runIds.length > 0; ) {
      for (const runId of runIds) await check(runId);
      runIds = await tapesAfter(database, runIds.at(-1) ?? '');
    }
    for (const runId of await eventsWithoutTape(database)) await check(runId);
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

/** A run id that was changed must not hide its event. */
async function eventsWithoutTape(database: Database): Promise<string[]> {
  const orphans = 'SELECT DISTINCT "runId" FROM "Event" WHERE "runId" NOT IN (SELECT "runId" FROM "Tape")';
  return queryJson<string>(database, {
    sqlite: `SELECT json_group_array("runId") FROM (${orphans})`,
    postgresql: `SELECT json_agg("runId")::text FROM (${orphans}) AS orphans`,
  });
}
