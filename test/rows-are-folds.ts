import type { Database } from '../src/database/database.ts';
import { rebuildProjections } from '../src/projections/recording/rebuild.ts';
import type { Gateway } from '../src/server/gateway.ts';

/** B30: folding the tapes gives the rows that queries read. Says nothing while runs are in work. */
export async function assertRowsAreFolds({ parts }: Gateway): Promise<void> {
  if (parts.orchestrator.running() > 0) return;
  const before = await rows(parts.database);
  await rebuildProjections(parts.database, parts.journal);
  const after = await rows(parts.database);
  if (after !== before) throw new Error(`B30: the rows are not the folds of their tapes:\n${before}\n${after}`);
}

async function rows({ reader }: Database): Promise<string> {
  const runs = await reader.run.findMany({ orderBy: { id: 'asc' } });
  const approvals = await reader.approval.findMany({ orderBy: { id: 'asc' } });
  const passages = await reader.passage.findMany({
    omit: { id: true },
    orderBy: [{ sourceId: 'asc' }, { seq: 'asc' }, { part: 'asc' }],
  });
  return JSON.stringify({ runs, approvals, passages }, null, 1);
}
