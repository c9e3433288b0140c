import { decide } from '../../domain/decide.ts';
import type { AttachmentRef } from '../../domain/events.ts';
import { noMetadata } from '../../domain/metadata.ts';
import {
  conflict,
  invalidInput,
  isRefusal,
  limitExceeded,
  notFound,
  type Refusal,
  sessionBusy,
} from '../../domain/refusal.ts';
import { titleFrom } from '../../domain/session.ts';
import { noOpenRuns, openRunsOf } from '../../projections/session-runs.ts';
import { recordSessionChange } from '../../repositories/activity.ts';
import { agentById } from '../../repositories/agents.ts';
import { expectSession, insertSession, titlePassages, titleSession } from '../../repositories/sessions.ts';
import type { RecordOutcome } from '../../run-store/run-store.ts';
import { messageAttachments, modelOfNewRun } from '../attachments/message-attachments.ts';
import type { CommandContext, Viewer } from '../command-context.ts';
import { findEarlierResult, idempotencyRows } from '../idempotency.ts';
import { invalidSchema } from '../output-schema.ts';
import { parseInput } from '../parse-input.ts';
import { findSession } from '../session/resolve-session.ts';
import { clientToolsProblem } from '../tool-calls/client-tool-declarations.ts';
import { interruptActiveRun, repeatInterruption } from './interrupt-active-run.ts';
import { type Message, messageSchema, type SendMessageInput, type SentMessage } from './message.ts';
import { recordNewRun } from './record-new-run.ts';
import { tracedBy } from './traced-by.ts';

/** Another command may change the session at the same time. The message is then sent again to the session as it is by then. */
const ATTEMPTS = 5;

/**
 * Records a message as a new run, or hands it to the run that is in progress. Resolves when it is durable. Rejects with a
 * DiskFullError while the disk is almost full.
 */
export async function sendMessage(
  context: CommandContext,
  viewer: Viewer,
  raw: SendMessageInput,
): Promise<SentMessage | Refusal> {
  const parsed = parseInput(messageSchema, raw);
  if (isRefusal(parsed)) return parsed;
  const message = parsed.input;
  const problem = await unknownReference(context, viewer, message);
  if (problem) return (await earlierMessage(context, viewer, message)) ?? problem;
  for (let tries = 0; tries < ATTEMPTS; tries += 1) {
    const target = await findTarget(context, viewer, message);
    if (isRefusal(target)) return (await earlierMessage(context, viewer, message)) ?? target;
    const mutexKey = target.isNew ? `${viewer.principal}/${target.key}` : target.sessionId;
    const outcome = await context.mutex.run(mutexKey, () => send(context, viewer, message, target));
    if (outcome !== null) return outcome;
  }
  return conflict('The session is changing too fast. Try again.');
}

async function unknownReference(context: CommandContext, viewer: Viewer, message: Message): Promise<Refusal | null> {
  const { agentId, model } = message;
  if (agentId != null && !(await agentById(context.database, viewer.principal, agentId))) {
    return notFound('agent', agentId);
  }
  if (model != null && !context.settings.models.includes(model)) {
    return invalidInput(['model'], `"${model}" is not configured; known models: ${context.settings.models.join(', ')}`);
  }
  return (
    (await invalidSchema(context, viewer.principal, message.outputSchema)) ??
    clientToolsProblem(context, viewer.principal, message.clientTools ?? [])
  );
}

/** The session that the message goes to. It does not exist yet when `isNew`. */
interface Target {
  kind: 'target';
  sessionId: string;
  key: string;
  isNew: boolean;
  /** Whether it has a title. The first message gives it one. */
  isTitled: boolean;
  agentId: string | null;
}

async function findTarget(context: CommandContext, viewer: Viewer, message: Message): Promise<Target | Refusal> {
  const { sessionId, sessionKey, agentId } = message;
  const found = await findSession(context, viewer, sessionId ?? null, sessionKey ?? null);
  if (found !== null && isRefusal(found)) return found;
  if (found?.session.archivedAt) return conflict(`Session ${found.session.id} is archived.`);
  if (found) {
    const { id, key, title } = found.session;
    const isTitled = title !== null;
    return { kind: 'target', sessionId: id, key, isNew: false, isTitled, agentId: agentId ?? found.session.agentId };
  }
  const id = context.newId('session');
  const key = sessionKey ?? '';
  return { kind: 'target', sessionId: id, key, isNew: true, isTitled: false, agentId: agentId ?? null };
}

const mutationOf = (message: Message) => ({ name: 'sendMessage', input: message }) as const;

const contentOf = ({ text, idempotencyKey, metadata, clientTools }: Message) => ({
  text,
  idempotencyKey: idempotencyKey ?? null,
  metadata: metadata ?? noMetadata,
  clientTools: clientTools ?? [],
});

/** Where a message with the same key and input was recorded; null if it is the first. */
async function earlierMessage(
  context: CommandContext,
  viewer: Viewer,
  message: Message,
): Promise<SentMessage | Refusal | null> {
  const earlier = await findEarlierResult(context, viewer, mutationOf(message));
  if (earlier === null || isRefusal(earlier)) return earlier;
  const { resultId: runId, seq } = earlier;
  const sessionId = earlier.sessionId ?? message.sessionId ?? '';
  const sent = { kind: 'sent', sessionId, runId, seq: seq ?? 1, created: false, run: null } as const;
  if (message.whenBusy === 'INTERRUPT') await repeatInterruption(context, sent);
  return sent;
}

/** Null when another command changed the session and the message must be sent again. */
async function send(
  context: CommandContext,
  viewer: Viewer,
  message: Message,
  target: Target,
): Promise<SentMessage | Refusal | null> {
  const earlier = await earlierMessage(context, viewer, message);
  if (earlier) return earlier;
  context.diskSpace.check('messages');
  const overQuota = await context.quotas.check(viewer.principal, { bytes: 0, session: target.isNew });
  if (overQuota) return overQuota;
  const { open, waiting } = target.isNew ? noOpenRuns : await openRunsOf(context.database, target.sessionId);
  const attached = await messageAttachments(context, viewer, {
    attachmentIds: message.attachmentIds,
    model: () => answeringModel(context, viewer, message, { agentId: target.agentId, open }),
  });
  if (isRefusal(attached)) return attached;
  const { attachments } = attached;
  switch (message.whenBusy ?? 'QUEUE') {
    case 'REJECT':
      if (open) return sessionBusy(open);
      break;
    case 'STEER': {
      if (open && message.clientTools?.length) return toolsOfSteered(open);
      const steered = open && (await steer(context, viewer, { message, attachments, target }, open));
      if (steered) return steered;
      break;
    }
    case 'INTERRUPT':
    case 'QUEUE':
      break;
  }
  const { queueLength } = context.settings;
  if (waiting >= queueLength) {
    return limitExceeded(
      'queueLength',
      `${queueLength} messages of this session are waiting already, which is the limit. Nothing was recorded.`,
    );
  }
  const sent = await startRun(context, viewer, { message, attachments, target }, open === null);
  if (sent?.kind === 'sent' && message.whenBusy === 'INTERRUPT') await interruptActiveRun(context, sent);
  return sent;
}

/** The model that is shown the message: a steered message goes to the model of the run. */
async function answeringModel(
  context: CommandContext,
  viewer: Viewer,
  { model, whenBusy }: Message,
  { agentId, open }: { agentId: string | null; open: string | null },
): Promise<string> {
  const run = whenBusy === 'STEER' && open !== null ? await context.runStore.load(open) : null;
  if (run) return run.model ?? modelOfNewRun(context, viewer, run.origin);
  return modelOfNewRun(context, viewer, { model, agentId });
}

/** A message with its parts checked, and where it goes. */
interface Delivery {
  message: Message;
  attachments: AttachmentRef[];
  target: Target;
}

async function startRun(
  context: CommandContext,
  viewer: Viewer,
  { message, attachments, target }: Delivery,
  isFree: boolean,
): Promise<SentMessage | Refusal | null> {
  const { sessionId, key, isNew, isTitled, agentId } = target;
  const runId = context.newId('run');
  const createdAt = context.now();
  const title = titleFrom(message.text);
  const origin = {
    sessionId,
    agentId,
    model: message.model ?? null,
    retryOf: null,
    urgent: message.whenBusy === 'INTERRUPT',
    scopes: [...viewer.scopes],
    ...(message.outputSchema != null && { outputSchema: message.outputSchema }),
    ...tracedBy(context, viewer),
  };
  const outcome = await recordNewRun(context, {
    runId,
    sessionId,
    session: isNew ? 'new' : isFree ? 'free' : 'busy',
    command: { ...contentOf(message), attachments, origin },
    rows(starts) {
      const free = starts || message.whenBusy === 'REJECT';
      const expectation = { id: sessionId, runId, mostWaiting: context.settings.queueLength, free };
      const session = isNew
        ? [
            insertSession({ id: sessionId, owner: viewer.principal, key, title, agentId: null, createdAt }),
            ...context.quotas.sessionRows(viewer.principal),
          ]
        : [titleSession({ id: sessionId, title }), expectSession(expectation)];
      return [
        ...session,
        ...titlePassages(sessionId, title),
        ...(isTitled
          ? []
          : [recordSessionChange(isNew ? 'SESSION_CREATED' : 'SESSION_UPDATED', { sessionId, at: createdAt })]),
        ...idempotencyRows(context, viewer, mutationOf(message), { resultId: runId, sessionId, seq: 1 }),
      ];
    },
  });
  return sentMessage(outcome, target, runId);
}

const toolsOfSteered = (runId: string) =>
  invalidInput(
    ['clientTools'],
    `the message would join run ${runId}, whose tools its first message declared. Send it without tools, or with another \`whenBusy\``,
  );

/** Null when the run ended meanwhile: the message then starts a run of its own. */
async function steer(
  context: CommandContext,
  viewer: Viewer,
  { message, attachments, target }: Delivery,
  runId: string,
): Promise<SentMessage | Refusal | null> {
  const { sessionId } = target;
  const outcome = await context.runStore.record({
    runId,
    sessionId,
    epoch: null,
    decide(run, { now }) {
      const decision = decide(run, { kind: 'steer', ...contentOf(message), attachments }, now);
      if (isRefusal(decision)) return decision;
      const result = { resultId: runId, sessionId, seq: (run?.head ?? 0) + 1 };
      return { ...decision, rows: idempotencyRows(context, viewer, mutationOf(message), result) };
    },
  });
  return outcome.kind === 'refused' ? null : sentMessage(outcome, target, runId);
}

function sentMessage(outcome: RecordOutcome, { sessionId }: Target, runId: string): SentMessage | Refusal | null {
  switch (outcome.kind) {
    case 'recorded':
      return { kind: 'sent', sessionId, runId, seq: outcome.events[0]?.seq ?? 1, created: true, run: outcome.run };
    case 'refused':
      return outcome.refusal;
    case 'constraint':
    case 'stale':
      return null;
    default:
      return outcome satisfies never;
  }
}
