import { systemClock } from '../../clock.ts';
import type { Configuration } from '../../config/configuration.ts';
import type { Database } from '../../database/database.ts';
import { checkIntegrity, type Integrity } from '../../database/integrity.ts';
import { queryJson } from '../../database/json-query.ts';
import { openForReading } from '../../database/open-database.ts';
import { createDatabaseJournal } from '../../journal/database-journal.ts';
import { createRowComparison, type RowDifference } from '../../run-store/compare-with-tapes.ts';
import { withStoreFailures } from './store-failure.ts';

const TAPES_PER_PAGE = 200;

/**
 * Prints what the store finds wrong in its files, the first wrong event of every broken tape, and every row that differs from the
 * tapes. The exit code is 1 if there is anything. Throws a StartError if the database cannot be read.
 */
export async function verifyCommand({ databaseUrl }: Configuration): Promise<void> {
  const print = (line: string) => void process.stdout.write(`${line}\n`);
  const { faults, unchecked } = await withStoreFailures(databaseUrl, () => verifyFiles(databaseUrl));
  for (const fault of faults) print(`the files of the database: ${fault}`);
  const { tapes, events, broken, differences } = await withStoreFailures(databaseUrl, () =>
    verifyJournal(databaseUrl, print),
  );
  print(`${tapes} tapes, ${events} events in intact tapes, ${broken} broken tapes`);
  if (differences > 0) print(`${differences} values differ from the tapes: \`rebuild\` restores the rows`);
  if (unchecked !== null) process.stderr.write(`The files of the database were not checked: ${unchecked}.\n`);
  if (faults.length + broken + differences > 0) process.exitCode = 1;
}

async function verifyFiles(databaseUrl: string): Promise<Integrity> {
  const database = await openForReading(databaseUrl);
  try {
    return await checkIntegrity(database);
  } finally {
    await database.close();
  }
}

/** Verifies every tape of a database and the rows that are folded from it, also while servers use it. Reports each fault in a line. */
export async function verifyJournal(
  databaseUrl: string,
  report: (line: string) => void,
): Promise<{ tapes: number; events: number; broken: number; differences: number }> {
  const database = await openForReading(databaseUrl);
  try {
    const journal = createDatabaseJournal(database, systemClock);
    const comparison = createRowComparison(database, journal);
    const totals = { tapes: 0, events: 0, broken: 0, differences: 0 };
    const reportRows = (differences: readonly RowDifference[]) => {
      totals.differences += differences.length;
      for (const { row, fault } of differences) report(`${row} ${fault}`);
    };
    const verify = async (runId: string) => {
      const verification = await journal.verify(runId);
      totals.tapes += 1;
      if (verification.kind === 'intact') {
        totals.events += verification.events;
        reportRows(await comparison.compareRun(runId));
      } else {
        totals.broken += 1;
        report(`${runId}: event ${verification.seq} ${verification.fault}`);
      }
    };
    for (let runIds = await tapesAfter(database, ''); runIds.length > 0; ) {
      for (const runId of runIds) await verify(runId);
      runIds = await tapesAfter(database, runIds.at(-1) ?? '');
    }
    for (const runId of await eventsWithoutTape(database)) await verify(runId);
    for (const id of await rowsWithoutTape(database)) {
      reportRows([{ row: `Run ${id}`, fault: 'has no tape' }]);
    }
    // The times of a session cannot be told from tapes that are broken.
    if (totals.broken === 0) reportRows(await comparison.compareSessions());
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
async function eventsWithoutTape(database: Database): Promise<string[]> {
  const orphans = 'SELECT DISTINCT "runId" FROM "Event" WHERE "runId" NOT IN (SELECT "runId" FROM "Tape")';
  return queryJson<string>(database, {
    sqlite: `SELECT json_group_array("runId") FROM (${orphans})`,
    postgresql: `SELECT json_agg("runId")::text FROM (${orphans}) AS orphans`,
  });
}

/** Runs that have a row and no tape. */
async function rowsWithoutTape(database: Database): Promise<string[]> {
  const rows = 'SELECT "id" FROM "Run" WHERE "id" NOT IN (SELECT "runId" FROM "Tape")';
  return queryJson<string>(database, {
    sqlite: `SELECT json_group_array("id") FROM (${rows})`,
    postgresql: `SELECT json_agg("id")::text FROM (${rows}) AS rows`,
  });
}
