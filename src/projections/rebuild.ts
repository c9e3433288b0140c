import type { BatchStatement, RowWrite } from '../database/batch-statement.ts';
import type { Database } from '../database/database.ts';
import type { RecordedEvent } from '../domain/events.ts';
import { evolve, type Run } from '../domain/run.ts';
import type { Journal } from '../journal/journal.ts';
import { conversationPassages, memoryPassages, titlePassages } from '../repositories/search/index-rows.ts';
import { approvalRows } from './approval-rows.ts';
import { runRows } from './run-rows.ts';
import { resetActivityStatement, sessionActivityRows } from './session-activity.ts';

/** Tapes whose rows are made anew in one transaction. */
const TAPES_AT_A_TIME = 50;
const PAGE_EVENTS = 1000;
const ROWS_AT_A_TIME = 500;

/** Takes the approvals of the run with it. */
const deleteRun: BatchStatement = {
  name: 'delete run',
  order: 1,
  distinct: ['id'],
  sqlite: `DELETE FROM "Run" WHERE "id" IN (SELECT element.value ->> 'id' FROM json_each(?) AS element)`,
  postgresql: `DELETE FROM "Run" WHERE "id" IN (SELECT element."id" FROM jsonb_to_recordset($1::jsonb) AS element("id" text))`,
};

/** Makes every row that is a fold of a tape anew from the tapes. Safe to interrupt and to repeat. Returns how many runs. */
export async function rebuildProjections(database: Database, journal: Journal): Promise<number> {
  await database.write((client) =>
    client.$executeRawUnsafe(`DELETE FROM "Run" WHERE "id" NOT IN (SELECT "runId" FROM "Tape")`),
  );
  await database.write((client) => client.$executeRawUnsafe(resetActivityStatement));
  await emptyIndex(database);
  await indexRest(database);
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
    for (const { runId } of tapes) writes.push(...(await rowsOf(journal, runId)));
    await database.commit(writes);
    rebuilt += tapes.length;
    after = last.runId;
  }
}

/** On SQLite each deletion looks into the index, which must be whole for that: it may be damaged when somebody rebuilds. */
async function emptyIndex({ provider, write }: Database): Promise<void> {
  const repair = `INSERT INTO "Passage_words" ("Passage_words") VALUES ('rebuild')`;
  const statements = [...(provider === 'sqlite' ? [repair] : []), 'DELETE FROM "Passage"'];
  await write((client) => client.$transaction(statements.map((statement) => client.$executeRawUnsafe(statement))));
}

/** What can be found beside what tapes hold. */
async function indexRest({ reader, commit }: Database): Promise<void> {
  for (let after = ''; ; ) {
    const sessions = await reader.session.findMany({
      where: { id: { gt: after } },
      orderBy: { id: 'asc' },
      take: ROWS_AT_A_TIME,
    });
    await commit(sessions.flatMap(({ id, title }) => titlePassages(id, title)));
    after = sessions.at(-1)?.id ?? '';
    if (after === '') break;
  }
  for (let after = ''; ; ) {
    const memories = await reader.memory.findMany({
      where: { id: { gt: after } },
      orderBy: { id: 'asc' },
      take: ROWS_AT_A_TIME,
    });
    await commit(memories.flatMap(({ id, text, tags }) => memoryPassages({ id, text, tags: JSON.parse(tags) })));
    after = memories.at(-1)?.id ?? '';
    if (after === '') break;
  }
}

async function rowsOf(journal: Journal, runId: string): Promise<RowWrite[]> {
  const rows: RowWrite[] = [];
  let run: Run | null = null;
  let first: RecordedEvent | undefined;
  let moved: RowWrite[] = [];
  for (let page = await journal.read(runId, { after: 0, limit: PAGE_EVENTS }); page.length > 0; ) {
    first ??= page[0];
    for (const event of page) {
      run = evolve(run, event);
      // One by one: what was asked about is known while its step lasts.
      if (run) rows.push(...approvalRows(run, [event]), ...conversationPassages(run, [event]));
    }
    const newest = run ? sessionActivityRows(run, page) : [];
    if (newest.length > 0) moved = newest;
    page = await journal.read(runId, { after: page.at(-1)?.seq ?? 0, limit: PAGE_EVENTS });
  }
  if (!run || !first) return [];
  return [{ statement: deleteRun, row: { id: runId } }, ...runRows(run, [first]), ...moved, ...rows];
}
