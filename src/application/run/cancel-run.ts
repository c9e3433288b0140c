import * as limits from '../../config/limits.ts';
import { decide } from '../../domain/decide.ts';
import { isRefusal, notFound, type Refusal } from '../../domain/refusal.ts';
import { storableText } from '../../domain/storable-text.ts';
import { runById } from '../../projections/runs.ts';
import type { RecordOutcome } from '../../run-store/run-store.ts';
import { entryOf } from '../audit/entries.ts';
import type { CommandContext, Viewer } from '../command-context.ts';

export type CancelledRun = { kind: 'cancelled'; runId: string };

/** Ends the run in any state and withdraws its open approvals. Cancelling a cancelled run changes nothing. */
export async function cancelRun(
  context: CommandContext,
  viewer: Viewer,
  { runId, reason }: { runId: string; reason?: string | null },
): Promise<CancelledRun | Refusal> {
  const run = await runById(context.database, viewer.principal, runId);
  if (!run) return notFound('run', runId);
  const outcome = await recordCancellation(context, viewer, { runId, sessionId: run.sessionId, reason });
  return outcome.kind === 'refused' ? outcome.refusal : { kind: 'cancelled', runId };
}

/** Records the end of the run and its audit entry together. The caller checks who may cancel the run. */
export function recordCancellation(
  { audit, runStore }: Pick<CommandContext, 'audit' | 'runStore'>,
  viewer: Viewer,
  { runId, sessionId, reason }: { runId: string; sessionId: string; reason?: string | null | undefined },
): Promise<RecordOutcome> {
  const storedReason = reason == null ? null : storableText(reason.slice(0, limits.REASON_CHARACTERS));
  const auditRow = audit.rowOf(entryOf(viewer, 'run-cancelled', { runId, sessionId }));
  return runStore.record({
    runId,
    sessionId,
    epoch: null,
    decide(run, { now }) {
      const decision = decide(run, { kind: 'cancel', reason: storedReason }, now);
      if (isRefusal(decision)) return decision;
      return { ...decision, rows: [auditRow] };
    },
  });
}
