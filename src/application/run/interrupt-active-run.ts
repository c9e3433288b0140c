import { isStoreFault, StoreError, toStoreError } from '../../database/store-error.ts';
import { decide } from '../../domain/decide.ts';
import { activeRunsOf } from '../../projections/session-runs.ts';
import type { CommandContext } from '../command-context.ts';
import type { SentMessage } from './message.ts';

/**
 * Cancels the active run for a newer message. Called after the run of that message is recorded: if the session became free before,
 * another waiting run could start. Rejects with a StoreError of the kind `unknown` when the store fails, because the message is
 * stored by then.
 */
export async function interruptActiveRun(context: CommandContext, message: SentMessage): Promise<void> {
  try {
    await cancelActiveRun(context, message);
  } catch (error) {
    if (!isStoreFault(error)) throw error;
    throw new StoreError('unknown', toStoreError(error).detail, error);
  }
}

/**
 * Interrupts for a message that is sent again: the store may have failed after the message was recorded. A run that started later
 * is left alone.
 */
export async function repeatInterruption(context: CommandContext, sent: SentMessage): Promise<void> {
  const run = await context.runStore.load(sent.runId);
  if (run?.state.status === 'PENDING') await cancelActiveRun(context, sent, run.createdAt);
}

/** @param startedBy only a run that was started by this time is cancelled; in epoch milliseconds */
async function cancelActiveRun(
  { database, runStore }: CommandContext,
  { sessionId, runId }: SentMessage,
  startedBy = Number.POSITIVE_INFINITY,
): Promise<void> {
  const [active] = await activeRunsOf(database.reader, [sessionId]);
  if (!active || active.id === runId || Number(active.startedAt) > startedBy) return;
  await runStore.record({
    runId: active.id,
    sessionId,
    epoch: null,
    decide: (run, { now }) => decide(run, { kind: 'cancel', reason: 'Interrupted by a newer message.' }, now),
  });
}
