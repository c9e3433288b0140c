import { lastRunsOf } from '../../projections/runs.ts';
import type { CommandContext } from '../command-context.ts';

/**
 * Ids order the runs of a session. Where the clock of another server is ahead, the ids that are made here from now on sort
 * behind what it made.
 */
export async function advanceRunIds(
  { database, newId }: Pick<CommandContext, 'database' | 'newId'>,
  sessionId: string,
): Promise<void> {
  const [newest] = await lastRunsOf(database.reader, [sessionId]);
  if (newest) newId('run', newest.id);
}
