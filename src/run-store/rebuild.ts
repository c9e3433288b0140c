import type { RowWrite } from '../database/batch-statement.ts';
import type { Database } from '../database/database.ts';
import { clearSearchIndex } from '../database/search-index.ts';
import { deleteRows } from '../database/table.ts';
import type { Journal } from '../journal/journal.ts';
import { RESET_ACTIVITY_SQL } from '../projections/session-activity.ts';
import { memoryPassages } from '../repositories/memories.ts';
import { titlePassages } from '../repositories/sessions.ts';
import { foldTape } from './fold-tape.ts';

/** Tapes whose rows are written in one transaction. */
const TAPES_AT_A_TIME = 50;
const ROWS_AT_A_TIME = 500;

/** Deletes the run's waits too. */
const deleteRun = deleteRows('Run', 'id', 1);

/**
 * Rebuilds every row that is folded from a tape, and the search index. It can be interrupted and repeated; no server may run
 * meanwhile. Returns the number of runs.
 */
export async function rebuildProjections(database: Database, journal: Journal): Promise<number> {
  await database.write((client) =>
    client.$executeRawUnsafe(`DELETE FROM "Run" WHERE "id" NOT IN (SELECT "runId" FROM "Tape")`),
  );
  for (const sql of RESET_ACTIVITY_SQL) await database.write((client) => client.$executeRawUnsafe(sql));
  await clearSearchIndex(database);
  await indexTitles(database);
  await indexMemories(database);
  let rebuilt = 0;
  for (let after = ''; ; ) {
    const tapes = await database.reader.tape.findMany({
      where: { runId: { gt: after } },
      orderBy: { runId: 'asc' },
      take: TAPES_AT_A_TIME,
      select: { runId: true },
    });
    const last = tapes.at(-1);
    if (!last) return rebuilt;
    const writes: RowWrite[] = [];
    for (const { runId } of tapes) writes.push(...(await rowsOfTape(journal, runId)));
    await database.commit(writes);
    rebuilt += tapes.length;
    after = last.runId;
  }
}

async function indexTitles({ reader, commit }: Database): Promise<void> {
  for (let after = ''; ; ) {
    const sessions = await reader.session.findMany({
      where: { id: { gt: after } },
      orderBy: { id: 'asc' },
      take: ROWS_AT_A_TIME,
    });
    const last = sessions.at(-1);
    if (!last) return;
    await commit(sessions.flatMap(({ id, title }) => titlePassages(id, title)));
    after = last.id;
  }
}

async function indexMemories({ reader, commit }: Database): Promise<void> {
  for (let after = ''; ; ) {
    const memories = await reader.memory.findMany({
      where: { id: { gt: after } },
      orderBy: { id: 'asc' },
      take: ROWS_AT_A_TIME,
    });
    const last = memories.at(-1);
    if (!last) return;
    await commit(memories.flatMap(({ id, text, tags }) => memoryPassages({ id, text, tags: JSON.parse(tags) })));
    after = last.id;
  }
}

async function rowsOfTape(journal: Journal, runId: string): Promise<RowWrite[]> {
  const tape = await foldTape(journal, runId);
  return tape ? [deleteRun(runId), ...tape.writes] : [];
}
