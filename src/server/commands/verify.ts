import { systemClock } from '../../clock.ts';
import type { Configuration } from '../../config/configuration.ts';
import type { Database } from '../../database/database.ts';
import { queryJson } from '../../database/json-query.ts';
import { openForReading } from '../../database/open-database.ts';
import { createDatabaseJournal } from '../../journal/database-journal.ts';
import type { Verification } from '../../journal/journal.ts';

const TAPES_PER_PAGE = 200;

/** Prints the first wrong event of every broken tape. The exit code is 1 if any tape is broken. */
export async function verifyCommand({ databaseUrl }: Configuration): Promise<void> {
  const { tapes, events, broken } = await verifyJournal(databaseUrl, ({ runId, seq, fault }) => {
    process.stdout.write(`${runId}: event ${seq} ${fault}\n`);
  });
  process.stdout.write(`${tapes} tapes, ${events} events in intact tapes, ${broken} broken tapes\n`);
  if (broken > 0) process.exitCode = 1;
}

/** Verifies every tape of a database, also while servers use it. Calls `report` for each broken tape. */
export async function verifyJournal(
  databaseUrl: string,
  report: (broken: Extract<Verification, { kind: 'broken' }>) => void,
): Promise<{ tapes: number; events: number; broken: number }> {
  const database = await openForReading(databaseUrl);
  try {
    const journal = createDatabaseJournal(database, systemClock);
    const totals = { tapes: 0, events: 0, broken: 0 };
    const verify = async (runId: string) => {
      const verification = await journal.verify(runId);
      totals.tapes += 1;
      if (verification.kind === 'intact') totals.events += verification.events;
      else {
        totals.broken += 1;
        report(verification);
      }
    };
    for (let runIds = await tapesAfter(database, ''); runIds.length > 0; ) {
      for (const runId of runIds) await verify(runId);
      runIds = await tapesAfter(database, runIds.at(-1) ?? '');
    }
    for (const runId of await runsWithoutTape(database)) await verify(runId);
    return totals;
  } finally {
    await database.close();
  }
}

/** The next page of run ids, in ascending order. */
async function tapesAfter({ reader }: Database, runId: string): Promise<string[]> {
  const tapes = await reader.tape.findMany({
    where: { runId: { gt: runId } },
    orderBy: { runId: 'asc' },
    take: TAPES_PER_PAGE,
    select: { runId: true },
  });
  return tapes.map((tape) => tape.runId);
}

/** Run ids that only events have: an event whose run id was changed belongs to no tape. */
async function runsWithoutTape(database: Database): Promise<string[]> {
  const orphans = 'SELECT DISTINCT "runId" FROM "Event" WHERE "runId" NOT IN (SELECT "runId" FROM "Tape")';
  return queryJson<string>(database, {
    sqlite: `SELECT json_group_array("runId") FROM (${orphans})`,
    postgresql: `SELECT json_agg("runId")::text FROM (${orphans}) AS orphans`,
  });
}
