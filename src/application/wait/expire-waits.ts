import { StoreError } from '../../database/store-error.ts';
import { decide } from '../../domain/decide.ts';
import { expiredWaits, type WaitRow } from '../../projections/waits.ts';
import type { CommandContext } from '../command-context.ts';

/** Waits that one call expires. The next call takes the rest. */
const BATCH_SIZE = 100;

/** Records that a wait expired. One that was settled meanwhile stays as it is. */
export async function expireWait(
  { runStore, settings }: Pick<CommandContext, 'runStore' | 'settings'>,
  { id: waitId, runId, sessionId }: Pick<WaitRow, 'id' | 'runId' | 'sessionId'>,
): Promise<void> {
  await runStore.record({
    runId,
    sessionId,
    epoch: null,
    decide: (run, { now }) => decide(run, { kind: 'expireWait', waitId, onExpiry: settings.onExpiry }, now),
  });
}

/** Expires the waits of every kind whose time is over. One that fails, such as one on a damaged tape, does not delay the others. */
export async function expireWaits(context: CommandContext): Promise<void> {
  const overdue = await expiredWaits(context.database.reader, new Date(context.now()), BATCH_SIZE);
  for (const wait of overdue) {
    try {
      await expireWait(context, wait);
    } catch (error) {
      if (error instanceof StoreError) throw error;
      const { id: waitId, runId } = wait;
      context.logger.error({ err: error, waitId, runId }, 'a wait could not be expired');
    }
  }
}
