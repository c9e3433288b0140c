import * as limits from '../../config/limits.ts';
import { decide } from '../../domain/decide.ts';
import { notFound, type Refusal } from '../../domain/refusal.ts';
import { storableText } from '../../domain/storable-text.ts';
import { runById } from '../../projections/runs.ts';
import type { CommandContext, Viewer } from '../command-context.ts';

export type CancelledRun = { kind: 'cancelled'; runId: string };

/** Ends the run in any state and withdraws its open approvals. Cancelling a cancelled run changes nothing. */
export async function cancelRun(
  { database, runStore }: CommandContext,
  { principal }: Viewer,
  { runId, reason }: { runId: string; reason?: string | null },
): Promise<CancelledRun | Refusal> {
  const run = await runById(database, principal, runId);
  if (!run) return notFound('run', runId);
  const storedReason = reason == null ? null : storableText(reason.slice(0, limits.REASON_CHARACTERS));
  const outcome = await runStore.record({
    runId,
    sessionId: run.sessionId,
    epoch: null,
    decide: (fold, { now }) => decide(fold, { kind: 'cancel', reason: storedReason }, now),
  });
  return outcome.kind === 'refused' ? outcome.refusal : { kind: 'cancelled', runId };
}
