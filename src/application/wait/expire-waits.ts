import { createBoundedCache } from '../../bounded-cache.ts';
import { StoreError } from '../../database/store-error.ts';
import { decide } from '../../domain/decide.ts';
import { expiredWaits, type WaitRow } from '../../projections/waits.ts';
import type { CommandContext } from '../command-context.ts';

/** Waits that one call expires. The next call takes the rest. */
const BATCH_SIZE = 100;
/** Waits that are known to fail. The least recently tried ones above this number are tried again with the next call. */
const FAILED_WAITS = 1000;
const RETRY_MILLISECONDS = 60 * 60 * 1000;

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

/**
 * Returns a function that expires the waits of every kind whose time is over. Call it every few seconds. A wait that fails, such as one
 * on a damaged tape, delays no others and is tried again after RETRY_MILLISECONDS.
 */
export function createWaitExpiry(context: CommandContext): () => Promise<void> {
  /** When they failed, in epoch milliseconds, by their ids. */
  const failedAt = createBoundedCache<number>(FAILED_WAITS);
  return async () => {
    const now = context.now();
    for (const [id, time] of failedAt.entries()) if (now - time >= RETRY_MILLISECONDS) failedAt.delete(id);
    const overdue = await expiredWaits(context.database.reader, new Date(now), {
      except: [...failedAt.keys()],
      limit: BATCH_SIZE,
    });
    for (const wait of overdue) {
      try {
        await expireWait(context, wait);
      } catch (error) {
        if (error instanceof StoreError) throw error;
        const { id: waitId, runId } = wait;
        failedAt.set(waitId, now);
        context.logger.error({ err: error, waitId, runId }, 'a wait could not be expired');
      }
    }
  };
}
