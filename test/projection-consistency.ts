import type { Database } from '../src/database/database.ts';
import type { Journal } from '../src/journal/journal.ts';
import { rebuildProjections } from '../src/run-store/rebuild.ts';
import type { Gateway } from '../src/server/gateway.ts';

/** B30: folding the tapes gives the rows that queries read. Checks nothing while runs are executed. */
export async function assertRowsAreFolds({ parts }: Gateway): Promise<void> {
  const { database, journal, orchestrator } = parts;
  const isExecuting = async () => orchestrator.activeCount() > 0 || (database.isShared && (await hasWork(database)));
  // A database that refuses writes cannot be rebuilt.
  if (database.problem() !== null || (await isExecuting())) return;
  await assertFolded(database, journal).catch(async (error: unknown) => {
    // A pending run was started in between.
    if (await isExecuting()) return;
    if (!database.isShared) throw error;
    // Another server started a run and ended it.
    await assertFolded(database, journal);
  });
}

/** Whether a server has a run to execute. */
async function hasWork({ reader }: Database): Promise<boolean> {
  return (await reader.run.count({ where: { state: { in: ['PENDING', 'IN_PROGRESS'] } } })) > 0;
}

/** B30 for a database that no one writes to. */
export async function assertFolded(database: Database, journal: Journal): Promise<void> {
  const before = await rows(database);
  // A rebuild takes as long as a short test.
  if (before === noRows && !(await hasSources(database))) return;
  await rebuildProjections(database, journal);
  const after = await rows(database);
  if (after !== before) throw new Error(`B30: the rows are not the folds of their tapes:\n${before}\n${after}`);
}

/** Whether there is something that rows are folded from. */
async function hasSources({ reader }: Database): Promise<boolean> {
  const tape = await reader.tape.findFirst({ select: { runId: true } });
  return tape !== null || (await reader.memory.findFirst({ select: { id: true } })) !== null;
}

async function rows({ reader }: Database): Promise<string> {
  const sessions = await reader.session.findMany({
    orderBy: { id: 'asc' },
    select: { id: true, activeAt: true, storedBytes: true },
  });
  const runs = await reader.run.findMany({ orderBy: { id: 'asc' } });
  const metadata = await reader.runMetadata.findMany({ orderBy: [{ runId: 'asc' }, { digest: 'asc' }] });
  const waits = await reader.wait.findMany({ orderBy: { id: 'asc' } });
  const passages = await reader.passage.findMany({
    omit: { id: true },
    orderBy: [{ sourceId: 'asc' }, { seq: 'asc' }, { part: 'asc' }],
  });
  return textOf({ sessions, runs, metadata, waits, passages });
}

const noRows = textOf({ sessions: [], runs: [], metadata: [], waits: [], passages: [] });

function textOf(rowsByTable: Record<string, unknown[]>): string {
  // Numbers of 64 bits have no JSON.
  const text = (_key: string, value: unknown) => (typeof value === 'bigint' ? Number(value) : value);
  return JSON.stringify(rowsByTable, text, 1);
}
