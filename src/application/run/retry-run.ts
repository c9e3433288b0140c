import { limitExceeded, notFound, type Refusal, refuseTransition } from '../../domain/refusal.ts';
import { decide } from '../../domain/run-decisions.ts';
import { isTerminal } from '../../domain/transitions.ts';
import { countWaitingRuns, runById } from '../../projections/runs.ts';
import type { CommandContext, Viewer } from '../command-context.ts';

export type RetriedRun = { kind: 'retried'; runId: string };

/** A new run with the message, agent and model of one that has ended. It waits its turn like any other. */
export async function retryRun(
  { database, recorder, lanes, newId, settings }: CommandContext,
  { principal, scopes }: Viewer,
  { runId: retryOf }: { runId: string },
): Promise<RetriedRun | Refusal> {
  const ended = await runById(database.reader, principal, retryOf);
  if (!ended) return notFound('run', retryOf);
  if (!isTerminal(ended.state)) return refuseTransition(retryOf, ended.state, 'retry');
  const { sessionId, agentId, input: text } = ended;
  const first = await recorder.load(retryOf);
  const model = first?.origin.model ?? null;
  const origin = { sessionId, agentId, model, retryOf, urgent: false, scopes: [...scopes] };
  return lanes.run(sessionId, async (): Promise<RetriedRun | Refusal> => {
    if ((await countWaitingRuns(database.reader, sessionId)) >= settings.queueLength) {
      return limitExceeded('queueLength', `${settings.queueLength} messages wait in this session already.`);
    }
    const runId = newId('run');
    const outcome = await recorder.record({
      ...{ runId, sessionId, epoch: null },
      decide: (run, now) => decide(run, { kind: 'send', text, idempotencyKey: null, origin }, now),
    });
    switch (outcome.kind) {
      case 'recorded':
        return { kind: 'retried', runId };
      case 'refused':
        return outcome.refusal;
      case 'constraint':
      case 'stale':
        return notFound('session', sessionId);
      default:
        return outcome satisfies never;
    }
  });
}
