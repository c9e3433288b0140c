import { z } from 'zod';
import { StoreError } from '../../database/store-error.ts';
import { readMetadata } from '../../domain/metadata.ts';
import { isRefusal, limitExceeded, notFound, type Refusal, refuseTransition } from '../../domain/refusal.ts';
import { isTerminal } from '../../domain/transitions.ts';
import { type RunRow, runById } from '../../projections/runs.ts';
import { openRunsOf } from '../../projections/session-runs.ts';
import { expectSession, sessionForExecution } from '../../repositories/sessions.ts';
import type { CommandContext, Viewer } from '../command-context.ts';
import { findEarlierResult, idempotencyKeyField, idempotencyRows } from '../idempotency.ts';
import { parseInput } from '../parse-input.ts';
import { recordNewRun } from './record-new-run.ts';
import { tracedBy } from './traced-by.ts';

export type RetriedRun = { kind: 'retried'; runId: string };

/** Another server may change the session at the same time. The new run is then tried again on the session as it is by then. */
const ATTEMPTS = 5;

const schema = z.object({ runId: z.string(), idempotencyKey: idempotencyKeyField });

type RetryRunInput = z.output<typeof schema>;

/**
 * Records a new run with the message, attachments, client tools, agent, model and output schema of a run that has ended. It waits its
 * turn like any other.
 */
export async function retryRun(
  context: CommandContext,
  viewer: Viewer,
  raw: z.input<typeof schema>,
): Promise<RetriedRun | Refusal> {
  const parsed = parseInput(schema, raw);
  if (isRefusal(parsed)) return parsed;
  const { runId: retryOf } = parsed.input;
  const ended = await runById(context.database, viewer.principal, retryOf);
  if (!ended) return notFound('run', retryOf);
  if (!isTerminal(ended.state)) return refuseTransition(retryOf, ended.state, 'retry');
  for (let tries = 0; tries < ATTEMPTS; tries += 1) {
    const outcome = await context.mutex.run(ended.sessionId, () => retry(context, viewer, ended, parsed.input));
    if (outcome !== null) return outcome;
  }
  throw new StoreError('busy', `session ${ended.sessionId} is changing too fast`);
}

/** Null when another command changed the session. */
async function retry(
  context: CommandContext,
  viewer: Viewer,
  ended: RunRow,
  input: RetryRunInput,
): Promise<RetriedRun | Refusal | null> {
  const { database, runStore, newId } = context;
  const mutation = { name: 'retryRun', input } as const;
  const earlier = await findEarlierResult(context, viewer, mutation);
  if (earlier) return isRefusal(earlier) ? earlier : { kind: 'retried', runId: earlier.resultId };
  const { id: retryOf, sessionId, agentId, input: text } = ended;
  const metadata = readMetadata(ended.metadata);
  const session = await sessionForExecution(database, sessionId);
  if (!session || session.archivedAt) return notFound('session', sessionId);
  context.diskSpace.check('messages');
  const overQuota = await context.quotas.check(viewer.principal, { bytes: 0 });
  if (overQuota) return overQuota;
  const { queueLength } = context.settings;
  const { open, waiting } = await openRunsOf(database, sessionId);
  if (waiting >= queueLength) {
    return limitExceeded(
      'queueLength',
      `${queueLength} messages of this session are waiting already, which is the limit. Nothing was recorded.`,
    );
  }
  const first = await runStore.load(retryOf);
  if (!first) return notFound('run', retryOf);
  const attachments = first.attachments
    .filter(({ seq }) => seq === 1)
    .map(({ seq: _seq, ...attachment }) => attachment);
  const { traceParent: _ofFirst, ...firstOrigin } = first.origin;
  const scopes = [...viewer.scopes];
  const origin = { ...firstOrigin, agentId, retryOf, urgent: false, scopes, ...tracedBy(context, viewer) };
  const runId = newId('run');
  const outcome = await recordNewRun(context, {
    runId,
    sessionId,
    session: open === null ? 'free' : 'busy',
    command: { text, attachments, idempotencyKey: null, metadata, clientTools: first?.clientTools ?? [], origin },
    rows: (starts) => [
      expectSession({ id: sessionId, runId, mostWaiting: queueLength, free: starts }),
      ...idempotencyRows(context, viewer, mutation, { resultId: runId, sessionId, seq: null }),
    ],
  });
  switch (outcome.kind) {
    case 'recorded':
      return { kind: 'retried', runId };
    case 'refused':
      return outcome.refusal;
    case 'constraint':
    case 'stale':
      return null;
    default:
      return outcome satisfies never;
  }
}
