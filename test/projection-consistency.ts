import type { Database } from '../src/database/database.ts';
import type { Journal } from '../src/journal/journal.ts';
import { rebuildProjections } from '../src/run-store/rebuild.ts';
import type { Gateway } from '../src/server/gateway.ts';

/** B30: folding the tapes gives the rows that queries read. Checks nothing while runs are executed. */
export async function assertRowsAreFolds({ parts }: Gateway): Promise<void> {
  const isExecuting = () => parts.orchestrator.activeCount() > 0;
  // A database that refuses writes cannot be rebuilt.
  if (isExecuting() || parts.database.problem() !== null) return;
  await assertFolded(parts.database, parts.journal).catch((error: unknown) => {
    // A pending run was started in between.
    if (!isExecuting()) throw error;
  });
}

/** B30 for a database that no one writes to. */
export async function assertFolded(database: Database, journal: Journal): Promise<void> {
  const unindexed = await database.reader.unindexedText.findMany();
  const before = await rows(database, unindexed);
  await rebuildProjections(database, journal);
  const after = await rows(database, unindexed);
  if (after !== before) throw new Error(`B30: the rows are not the folds of their tapes:\n${before}\n${after}`);
}

/** @param unindexed the events whose passages do not count: they are written later, or by a rebuild */
async function rows({ reader }: Database, unindexed: readonly { runId: string; seq: number }[]): Promise<string> {
  const sessions = await reader.session.findMany({ orderBy: { id: 'asc' }, select: { id: true, activeAt: true } });
  const runs = await reader.run.findMany({ orderBy: { id: 'asc' } });
  const approvals = await reader.approval.findMany({ orderBy: { id: 'asc' } });
  const passages = await reader.passage.findMany({
    omit: { id: true },
    orderBy: [{ sourceId: 'asc' }, { seq: 'asc' }, { part: 'asc' }],
  });
  const left = new Set(unindexed.map(({ runId, seq }) => `${runId}/${seq}`));
  const indexed = passages.filter(({ sourceId, seq }) => !left.has(`${sourceId}/${seq}`));
  return JSON.stringify({ sessions, runs, approvals, passages: indexed }, null, 1);
}
