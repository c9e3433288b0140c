import { parseArgs } from 'node:util';
import { systemClock } from '../../clock.ts';
import type { Configuration } from '../../config/configuration.ts';
import { StartError } from '../../config/start-error.ts';
import type { Database } from '../../database/database.ts';
import { checkIntegrity } from '../../database/integrity.ts';
import { queryJson } from '../../database/json-query.ts';
import { openMigrated } from '../../database/open-database.ts';
import { createDatabaseJournal } from '../../journal/database-journal.ts';
import { createSigner } from '../../journal/signer.ts';
import { miscountedSessions } from '../../projections/stored-bytes.ts';
import { createRowComparison, type RowDifference } from '../../run-store/compare-with-tapes.ts';
import { counted } from '../counted.ts';
import { compareHeads } from '../heads/compare-heads.ts';
import { checkHeadsFile, createHeadsFile, type Head, readHeads } from '../heads/heads-file.ts';
import { version } from '../version.ts';
import { withStoreFailures } from './store-failure.ts';

const TAPES_PER_PAGE = 200;

type Print = (line: string) => void;

/**
 * Prints what the store finds wrong in its files, the first wrong event of every broken tape, every row that differs from the tapes,
 * and on request what differs from heads of an earlier time. The exit code is 1 if there is anything. Throws a StartError if the
 * database or a file cannot be used.
 */
export async function verifyCommand(configuration: Configuration, parameters: readonly string[]): Promise<void> {
  const options = optionsOf(parameters);
  const print = (line: string) => void process.stdout.write(`${line}\n`);
  const verify = () => verifyDatabase(configuration, options, print);
  const { faults, unchecked } = await withStoreFailures(configuration.databaseUrl, verify);
  if (unchecked !== null) process.stderr.write(`The files of the database were not checked: ${unchecked}.\n`);
  if (faults > 0) process.exitCode = 1;
}

interface VerifyOptions {
  'write-heads'?: string | undefined;
  against?: string | undefined;
  'public-key'?: string | undefined;
}

function optionsOf(parameters: readonly string[]): VerifyOptions {
  const file = { type: 'string' } as const;
  try {
    const { values } = parseArgs({
      args: [...parameters],
      options: { 'write-heads': file, against: file, 'public-key': file },
    });
    return values;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(
      `${reason}\nUsage: runtape verify [--write-heads <new file>] [--against <file of heads> [--public-key <key>]]`,
      error,
    );
  }
}

/** Returns the number of faults, and why the store did not check its files; null if it did. */
export async function verifyDatabase(
  configuration: Pick<Configuration, 'databaseUrl' | 'signingKey'>,
  options: VerifyOptions,
  print: Print,
): Promise<{ faults: number; unchecked: string | null }> {
  const { databaseUrl, signingKey } = configuration;
  const signer = signingKey && createSigner(signingKey);
  const { against, 'write-heads': newFile, 'public-key': expectedKey = signer?.publicKey ?? null } = options;
  const earlier = against === undefined ? null : await checkHeadsFile(against, expectedKey);
  const createdAt = new Date(systemClock.now()).toISOString();
  const heads = newFile === undefined ? null : await createHeadsFile(newFile, { createdAt, release: version, signer });
  try {
    const { faults, unchecked } = await withReader(databaseUrl, checkIntegrity);
    for (const fault of faults) print(`the files of the database: ${fault}`);
    const { tapes, events, broken, differences } = await verifyJournal(databaseUrl, print, heads?.add);
    print(`${counted(tapes, 'tape')}, ${counted(events, 'event')} in intact tapes, ${counted(broken, 'broken tape')}`);
    if (differences > 0)
      print(`${counted(differences, 'difference')} between rows and tapes: \`rebuild\` restores the rows`);
    const changed = earlier && against !== undefined ? await compareWith(databaseUrl, against, earlier, print) : 0;
    if (heads && broken + changed > 0) print('The heads were not written, because tapes are broken or were changed');
    else await heads?.finish();
    return { faults: faults.length + broken + differences + changed, unchecked };
  } finally {
    await heads?.discard();
  }
}

/** Returns the number of faults. */
async function compareWith(
  databaseUrl: string,
  path: string,
  earlier: Awaited<ReturnType<typeof checkHeadsFile>>,
  print: Print,
): Promise<number> {
  const { createdAt, tapes, publicKey } = earlier;
  const { purged, faults } = await withReader(databaseUrl, (database) =>
    compareHeads(database, readHeads(path, earlier), earlier, print),
  );
  const signature = publicKey === null ? 'not signed' : `signed with the key ${publicKey}`;
  print(
    `heads of ${createdAt}, ${signature}: ${counted(tapes, 'tape')}, ${purged} purged since, ${faults} removed or changed`,
  );
  return faults;
}

async function withReader<T>(databaseUrl: string, work: (database: Database) => Promise<T>): Promise<T> {
  const database = await openMigrated(databaseUrl);
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

/**
 * Verifies every tape of a database and the rows that are folded from it, also while servers use it. Reports each fault in a line.
 * Memory does not depend on the size of the database.
 * @param onIntact gets the head of each intact tape
 */
export function verifyJournal(
  databaseUrl: string,
  report: (line: string) => void,
  onIntact: (head: Head) => Promise<void> = async () => undefined,
): Promise<{ tapes: number; events: number; broken: number; differences: number }> {
  return withReader(databaseUrl, async (database) => {
    const journal = createDatabaseJournal(database, systemClock);
    const comparison = createRowComparison(database, journal);
    const totals = { tapes: 0, events: 0, broken: 0, differences: 0 };
    const reportRows = (differences: readonly RowDifference[]) => {
      totals.differences += differences.length;
      for (const { row, fault } of differences) report(`${row} ${fault}`);
    };
    /** Returns whether the tape is intact. */
    const verify = async (runId: string, sessionId: string | null) => {
      const verification = await journal.verify(runId);
      totals.tapes += 1;
      if (verification.kind === 'broken') {
        totals.broken += 1;
        report(`${runId}: event ${verification.seq} ${verification.fault}`);
        return false;
      }
      const { events: seq, hash } = verification;
      totals.events += seq;
      if (sessionId !== null && seq > 0) await onIntact({ runId, sessionId, seq, hash });
      reportRows(await comparison.compareRun(runId));
      return true;
    };
    let session = { id: '', isIntact: false };
    const endSession = async () => {
      // The times of a session cannot be told from tapes that are broken.
      if (session.isIntact) reportRows(await comparison.compareSession(session.id));
    };
    for await (const { runId, sessionId } of tapesOf(database)) {
      if (sessionId !== session.id) {
        await endSession();
        session = { id: sessionId, isIntact: true };
      }
      const isIntact = await verify(runId, sessionId);
      session.isIntact &&= isIntact;
    }
    await endSession();
    for (const runId of await eventsWithoutTape(database)) await verify(runId, null);
    for (const id of await rowsWithoutTape(database)) {
      reportRows([{ row: `Run ${id}`, fault: 'has no tape' }]);
    }
    const miscounted = await miscountedSessions(database);
    reportRows(
      miscounted.map(({ sessionId, counted, stored }) => ({
        row: `Session ${sessionId}`,
        fault: `has storedBytes ${counted}, the tapes say ${stored}`,
      })),
    );
    return totals;
  });
}

/** All tapes, those of a session one after another. New runs of a session that was passed are left out. */
async function* tapesOf({ reader }: Database): AsyncGenerator<{ runId: string; sessionId: string }> {
  for (let last = { runId: '', sessionId: '' }; ; ) {
    const tapes = await reader.tape.findMany({
      where: {
        sessionId: { gte: last.sessionId },
        OR: [{ sessionId: { gt: last.sessionId } }, { runId: { gt: last.runId } }],
      },
      orderBy: [{ sessionId: 'asc' }, { runId: 'asc' }],
      take: TAPES_PER_PAGE,
      select: { runId: true, sessionId: true },
    });
    yield* tapes;
    const end = tapes.at(-1);
    if (!end) return;
    last = end;
  }
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
