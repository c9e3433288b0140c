import { type ChatTransport, isToolUIPart, type UIMessage, type UIMessageChunk } from 'ai';
import { ActiveRunDocument, DecideApprovalDocument, RetryRunDocument } from '../generated/documents.ts';
import type { MessageItem, RunHandle, RuntapeClient, SendOptions, TapeEvent } from '../index.ts';
import { accept } from '../refusals.ts';
import { RuntapeError } from '../runtape-error.ts';
import { createChunkWriter } from './chunks.ts';

type SessionName = string | { id: string };

export interface ChatTransportOptions {
  client: RuntapeClient;
  /** The session of a chat, by key or by id; the id of the chat is the key by default. */
  session?: SessionName | ((chatId: string) => SessionName);
}

type Sending = Parameters<ChatTransport<UIMessage>['sendMessages']>[0];
type Reconnecting = Parameters<ChatTransport<UIMessage>['reconnectToStream']>[0] & { abortSignal?: AbortSignal };

/**
 * Lets `useChat` of the AI SDK talk to Runtape. An assistant message is one run and has its id. The stream of a run ends while the run
 * waits for approvals; with `sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses` it continues after the
 * decisions. `stop` cancels the run. With `resume: true` a reload continues the run from its beginning.
 */
export function createChatTransport({ client, session }: ChatTransportOptions): ChatTransport<UIMessage> {
  /** How often the stream of a chat was begun: an older one that is aborted was replaced, not stopped. */
  const begun = new Map<string, number>();
  const nameOf = (chatId: string) => (typeof session === 'function' ? session(chatId) : session) ?? chatId;

  function stream(chatId: string, run: RunHandle, signal?: AbortSignal, from?: (event: TapeEvent) => boolean) {
    const number = (begun.get(chatId) ?? 0) + 1;
    begun.set(chatId, number);
    const stop = () => {
      setTimeout(() => {
        if (begun.get(chatId) === number) run.cancel('stopped by the user').catch(() => {});
      });
    };
    return chunksOf(run, stop, signal, from);
  }

  async function continueAfterApprovals({ chatId, messages, abortSignal }: Sending) {
    const message = messages.at(-1);
    const decided = new Set<string>();
    for (const part of message?.parts ?? []) {
      if (!isToolUIPart(part) || part.state !== 'approval-responded') continue;
      const { id: approvalId, approved, reason } = part.approval;
      const input = { approvalId, decision: approved ? ('ALLOW' as const) : ('DENY' as const), reason };
      decided.add(approvalId);
      // Whoever decided first has decided: the stream shows what happened.
      const ignoreSettled = (error: unknown) => {
        if (!(error instanceof RuntapeError && error.code === 'SETTLED')) throw error;
      };
      await client
        .query(DecideApprovalDocument, { input })
        .then(({ result }) => accept(result))
        .catch(ignoreSettled);
    }
    const isDecision = (event: TapeEvent) => event.type === 'APPROVAL_DECISION' && decided.has(event.approval.id);
    return stream(chatId, client.run(message?.id ?? ''), abortSignal, isDecision);
  }

  async function regenerate({ chatId, messageId, abortSignal }: Sending) {
    if (!messageId) throw new TypeError('Only the answer with a given `messageId` can be generated again.');
    const input = { runId: messageId, idempotencyKey: crypto.randomUUID() };
    const { run } = accept((await client.query(RetryRunDocument, { input })).result);
    return stream(chatId, client.run(run.id), abortSignal);
  }

  return {
    resumeStreamIsReplay: true,
    async sendMessages(sending) {
      const { trigger, chatId, messages, abortSignal, body } = sending;
      if (trigger === 'regenerate-message') return regenerate(sending);
      const message = messages.at(-1);
      if (message?.role === 'assistant') return continueAfterApprovals(sending);
      const options: SendOptions = { ...body, attachments: await filesOf(message) };
      // The same message that is sent again is the same run.
      if (message) options.idempotencyKey ??= `${chatId}/${message.id}`;
      const run = await client.session(nameOf(chatId)).send(textOf(message), options);
      return stream(chatId, run, abortSignal);
    },
    async reconnectToStream({ chatId, abortSignal }: Reconnecting) {
      const name = nameOf(chatId);
      const found = await client.query(ActiveRunDocument, typeof name === 'string' ? { key: name } : name);
      const run = found.session?.activeRun;
      return run ? stream(chatId, client.run(run.id), abortSignal) : null;
    },
  };
}

/**
 * @param stop called when the signal aborts
 * @param from the first event whose chunks are part of the stream; the first of the run by default
 */
function chunksOf(
  run: RunHandle,
  stop: () => void,
  signal?: AbortSignal,
  from: (event: TapeEvent) => boolean = () => true,
): ReadableStream<UIMessageChunk> {
  const leaving = new AbortController();
  const end = () => leaving.abort();
  return new ReadableStream<UIMessageChunk>({
    async start(controller) {
      signal?.addEventListener('abort', stop);
      signal?.addEventListener('abort', end);
      const writer = createChunkWriter(run.id);
      let hasBegun = false;
      try {
        controller.enqueue({ type: 'start', messageId: run.id });
        for await (const event of run.events({ signal: leaving.signal })) {
          const chunks = writer.write(event);
          hasBegun ||= from(event);
          if (!hasBegun) continue;
          for (const chunk of chunks) controller.enqueue(chunk);
          if (event.type === 'STATUS' && event.to === 'AWAITING_APPROVAL') break;
        }
        controller.close();
      } catch (error) {
        if (leaving.signal.aborted) closeQuietly(controller);
        else controller.error(error);
      } finally {
        signal?.removeEventListener('abort', stop);
        signal?.removeEventListener('abort', end);
      }
    },
    cancel: end,
  });
}

/** A stream that its reader has cancelled is closed already. */
function closeQuietly(controller: ReadableStreamDefaultController<UIMessageChunk>): void {
  try {
    controller.enqueue({ type: 'abort' });
    controller.close();
  } catch {
    // Closed.
  }
}

function textOf(message: UIMessage | undefined): string {
  return (message?.parts ?? []).flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n');
}

async function filesOf(message: UIMessage | undefined): Promise<Blob[]> {
  const files = (message?.parts ?? []).flatMap((part) => (part.type === 'file' ? [part] : []));
  return Promise.all(
    files.map(async ({ url, filename = 'file', mediaType }) => {
      const bytes = await (await fetch(url)).blob();
      return new File([bytes], filename, { type: mediaType });
    }),
  );
}

/**
 * The messages of ended runs as the first messages of a chat. Leave out the run that has not ended: with `resume: true` its stream
 * brings it.
 */
export function chatMessages(messages: readonly MessageItem[]): UIMessage[] {
  const chat: UIMessage[] = [];
  for (const message of messages) {
    const { role, runId, text, thought, toolCalls, cursor } = message;
    const last = chat.at(-1);
    const parts: UIMessage['parts'] = [];
    if (thought) parts.push({ type: 'reasoning', text: thought });
    if (text) parts.push({ type: 'text', text });
    parts.push(...toolCalls.map(toolPartOf));
    if (role === 'USER') chat.push({ id: cursor, role: 'user', parts });
    else if (last?.id === runId) last.parts.push({ type: 'step-start' }, ...parts);
    else chat.push({ id: runId, role: 'assistant', parts: [{ type: 'step-start' }, ...parts] });
  }
  return chat;
}

function toolPartOf({
  callId,
  tool,
  input,
  state,
  output,
  error,
}: MessageItem['toolCalls'][number]): UIMessage['parts'][number] {
  const call = { type: 'dynamic-tool' as const, toolName: tool, toolCallId: callId, input };
  if (state === 'SUCCEEDED') return { ...call, state: 'output-available', output };
  if (state === 'FAILED' || state === 'DENIED' || state === 'CANCELLED') {
    return { ...call, state: 'output-error', errorText: error ?? state };
  }
  return { ...call, state: 'input-available' };
}
