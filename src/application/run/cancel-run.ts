import * as limits from '../../config/limits.ts';
import { decide } from '../../domain/decide.ts';
import { notFound, type Refusal } from '../../domain/refusal.ts';
import { storableText } from '../../domain/storable-text.ts';
import { runById } from '../../projections/runs.ts';
import type { RecordOutcome } from '../../run-store/run-store.ts';
import type { CommandContext, Viewer } from '../command-context.ts';

export type CancelledRun = { kind: 'cancelled'; runId: string };

/** Ends the run in any state and withdraws its open approvals. Cancelling a cancelled run changes nothing. */
export async function cancelRun(
  context: CommandContext,
  { principal }: Viewer,
  { runId, reason }: { runId: string; reason?: string | null },
): Promise<CancelledRun | Refusal> {
  const run = await runById(context.database, principal, runId);
  if (!run) return notFound('run', runId);
  const outcome = await recordCancellation(context, { runId, sessionId: run.sessionId, reason });
  return outcome.kind === 'refused' ? outcome.refusal : { kind: 'cancelled', runId };
}

/** The caller checks who may cancel the run. */
export function recordCancellation(
  { runStore }: Pick<CommandContext, 'runStore'>,
  { runId, sessionId, reason }: { runId: string; sessionId: string; reason?: string | null | undefined },
): Promise<RecordOutcome> {
  const storedReason = reason == null ? null : storableText(reason.slice(0, limits.REASON_CHARACTERS));
  return runStore.record({
    runId,
    sessionId,
    epoch: null,
    decide: (fold, { now }) => decide(fold, { kind: 'cancel', reason: storedReason }, now),
  });
}
