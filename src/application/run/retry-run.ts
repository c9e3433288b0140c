import { StoreError } from '../../database/store-error.ts';
import { limitExceeded, notFound, type Refusal, refuseTransition } from '../../domain/refusal.ts';
import { isTerminal } from '../../domain/transitions.ts';
import { openRunsOf, type RunRow, runById } from '../../projections/runs.ts';
import { expectSession, sessionForExecution } from '../../repositories/sessions.ts';
import type { CommandContext, Viewer } from '../command-context.ts';
import { advanceRunIds } from './advance-run-ids.ts';
import { recordRun } from './record-run.ts';

export type RetriedRun = { kind: 'retried'; runId: string };

/** Other servers may change the session at the same moment; each time the new run is tried again on what is there then. */
const ATTEMPTS = 5;

/** A new run with the message, agent and model of one that has ended. It waits its turn like any other. */
export async function retryRun(
  context: CommandContext,
  { principal, scopes }: Viewer,
  { runId: retryOf }: { runId: string },
): Promise<RetriedRun | Refusal> {
  const ended = await runById(context.database, principal, retryOf);
  if (!ended) return notFound('run', retryOf);
  if (!isTerminal(ended.state)) return refuseTransition(retryOf, ended.state, 'retry');
  for (let tries = 0; tries < ATTEMPTS; tries += 1) {
    const outcome = await context.mutex.run(ended.sessionId, () => retry(context, ended, scopes));
    if (outcome !== null) return outcome;
  }
  throw new StoreError('busy', `session ${ended.sessionId} changes too fast`);
}

/** Null where another command changed the ground. */
async function retry(
  context: CommandContext,
  ended: RunRow,
  scopes: readonly string[],
): Promise<RetriedRun | Refusal | null> {
  const { database, runStore: recorder, newId } = context;
  const { id: retryOf, sessionId, agentId, input: text } = ended;
  const session = await sessionForExecution(database, sessionId);
  if (!session || session.archivedAt) return notFound('session', sessionId);
  const mostWaiting = context.settings.queueLength;
  const { open, waiting } = await openRunsOf(database, sessionId);
  if (waiting >= mostWaiting) {
    return limitExceeded('queueLength', `${mostWaiting} messages wait in this session already.`);
  }
  const first = await recorder.load(retryOf);
  const model = first?.origin.model ?? null;
  const origin = { sessionId, agentId, model, retryOf, urgent: false, scopes: [...scopes] };
  const runId = newId('run');
  const outcome = await recordRun(context, {
    runId,
    sessionId,
    session: open === null ? 'free' : 'busy',
    command: { text, idempotencyKey: null, origin },
    writes: (begins) => [expectSession({ id: sessionId, runId, mostWaiting, free: begins })],
  });
  switch (outcome.kind) {
    case 'recorded':
      return { kind: 'retried', runId };
    case 'refused':
      return outcome.refusal;
    case 'constraint':
      await advanceRunIds(context, sessionId);
      return null;
    case 'stale':
      return null;
    default:
      return outcome satisfies never;
  }
}
