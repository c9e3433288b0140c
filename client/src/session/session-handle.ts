import type { Requests } from '../connection/requests.ts';
import {
  ActiveRunDocument,
  CancelSessionRunsDocument,
  SendMessageDocument,
  type WhenBusy,
} from '../generated/documents.ts';
import type { LiveList, LiveListContext } from '../list/live-list.ts';
import { load } from '../load.ts';
import type { Readable } from '../readable.ts';
import { mutate } from '../refusals.ts';
import type { MessageItem } from '../run/run-fold.ts';
import type { RunHandle } from '../run/run-handle.ts';
import type { RunHandles } from '../run/run-handles.ts';
import { RuntapeError } from '../runtape-error.ts';
import type { ClientToolInput } from '../tools/client-tool.ts';
import type { WaitHandle } from '../waits/wait-handle.ts';
import { createWaitList } from '../waits/wait-list.ts';
import { createConversation } from './conversation.ts';
import { createSessionIdentity, type SessionIdentity } from './session-identity.ts';

export interface SendOptions {
  agentId?: string;
  model?: string;
  whenBusy?: WhenBusy;
  /** Made by the client when absent, so that a lost answer is retried safely. */
  idempotencyKey?: string;
  metadata?: Readonly<Record<string, string>>;
  attachments?: readonly (File | Blob | { id: string })[];
  /** JSON Schema of the result. */
  outputSchema?: object;
}

export interface SessionHandle {
  /** Null until the session exists and is known. */
  readonly id: Readable<string | null>;
  /** Resolves when the message is durable. Throws RuntapeError with the code of the refusal. */
  send(text: string, options?: SendOptions): Promise<RunHandle>;
  /** The conversation, streaming answers included, oldest first. */
  readonly messages: LiveList<MessageItem>;
  readonly waits: LiveList<WaitHandle>;
  /** Cancels the active run; with `{ queued: true }` what is queued as well. */
  stop(options?: { queued?: boolean; reason?: string }): Promise<void>;
  branch(at: { runId: string; seq?: number }, options?: { key?: string; title?: string }): Promise<SessionHandle>;
}

export interface SessionContext extends LiveListContext {
  requests: Requests;
  runs: RunHandles;
  /** The tools that the client runs. Rejects if it cannot run them now. */
  clientTools(): Promise<ClientToolInput[]>;
  upload(file: Blob): Promise<string>;
}

export function createSessionHandle(name: SessionIdentity['name'], context: SessionContext): SessionHandle {
  const { requests, runs } = context;
  const identity = createSessionIdentity(name);
  const messages = createConversation({ ...context, identity });

  async function find(ask = requests.repeat): Promise<{ id: string; activeRun: { id: string } | null } | null> {
    const { session } = await ask(ActiveRunDocument, name);
    if (session) identity.learn(session.id);
    return session;
  }

  async function existing() {
    const session = await find();
    if (session) return session;
    throw new RuntapeError('NOT_FOUND', `There is no session ${JSON.stringify(name)}.`);
  }

  return {
    id: identity.id,
    messages,
    waits: createWaitList(requests, context, async () => {
      const sessionId = identity.id.get() ?? (await find(requests.read))?.id;
      return sessionId ? { sessionId } : null;
    }),
    async send(text, { attachments = [], idempotencyKey = crypto.randomUUID(), ...options } = {}) {
      const target = 'id' in name ? { sessionId: name.id } : { sessionKey: name.key };
      const uploads = attachments.map((each) => (each instanceof Blob ? context.upload(each) : each.id));
      const attachmentIds = await Promise.all(uploads);
      const clientTools = await context.clientTools();
      const input = {
        ...target,
        ...options,
        text,
        idempotencyKey,
        attachmentIds: attachmentIds.length > 0 ? attachmentIds : undefined,
        clientTools: clientTools.length > 0 ? clientTools : undefined,
      };
      const { session, run } = await mutate(requests, SendMessageDocument, input);
      identity.learn(session.id);
      messages.add(run.id);
      return runs.get(run.id);
    },
    async stop({ queued = false, reason } = {}) {
      const { id: sessionId, activeRun } = await existing();
      if (queued) await mutate(requests, CancelSessionRunsDocument, { sessionId, reason });
      else if (activeRun) await runs.get(activeRun.id).cancel(reason);
    },
    async branch(at, options) {
      const sessionId = identity.id.get() ?? (await existing()).id;
      const { branchSession } = await load(import('./branch-session.ts'));
      return createSessionHandle({ id: await branchSession(requests, { sessionId, ...at, ...options }) }, context);
    },
  };
}
