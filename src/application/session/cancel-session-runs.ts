import { notFound, type Refusal } from '../../domain/refusal.ts';
import { openRunIds } from '../../projections/run-queue.ts';
import { sessionById } from '../../repositories/sessions.ts';
import type { CommandContext, Viewer } from '../command-context.ts';
import { recordCancellation } from '../run/cancel-run.ts';

export type CancelledSessionRuns = { kind: 'cancelled'; sessionId: string; runs: number };

/**
 * Cancels every run of the session that is open when the command reads its queue. A message that was acknowledged before the
 * command is therefore cancelled; one that another server records meanwhile can start a run afterwards.
 */
export async function cancelSessionRuns(
  context: CommandContext,
  viewer: Viewer,
  { sessionId, reason }: { sessionId: string; reason?: string | null },
): Promise<CancelledSessionRuns | Refusal> {
  const { database, mutex } = context;
  if (!(await sessionById(database, viewer.principal, sessionId))) return notFound('session', sessionId);
  const cancel = (runId: string) => recordCancellation(context, viewer, { runId, sessionId, reason });
  return mutex.run(sessionId, async () => {
    const [first, ...queued] = await openRunIds(database, sessionId);
    // The active run comes last: its end lets the next queued one start.
    const outcomes = await Promise.all(queued.map(cancel));
    if (first !== undefined) outcomes.push(await cancel(first));
    const runs = outcomes.filter((outcome) => outcome.kind === 'recorded' && outcome.events.length > 0).length;
    return { kind: 'cancelled', sessionId, runs };
  });
}
