import type { Requests } from '../connection/requests.ts';
import { SendMessageDocument, type SendMessageInput, type WhenBusy } from '../generated/documents.ts';
import { createSource, type Readable } from '../readable.ts';
import { accept } from '../refusals.ts';
import type { RunHandle } from '../run/run-handle.ts';
import type { RunHandles } from '../run/run-handles.ts';

export interface SendOptions {
  agentId?: string;
  model?: string;
  whenBusy?: WhenBusy;
  /** Made by the client when absent, so that a lost answer is retried safely. */
  idempotencyKey?: string;
}

export interface SessionHandle {
  /** Null until the session exists and is known. */
  readonly id: Readable<string | null>;
  /** Resolves when the message is durable. Throws RuntapeError with the code of the refusal. */
  send(text: string, options?: SendOptions): Promise<RunHandle>;
}

interface SessionHandleOptions {
  name: { key: string } | { id: string };
  requests: Requests;
  runs: RunHandles;
}

export function createSessionHandle({ name, requests, runs }: SessionHandleOptions): SessionHandle {
  const id = createSource<string | null>('id' in name ? name.id : null);
  return {
    id,
    async send(text, { idempotencyKey = crypto.randomUUID(), ...options } = {}) {
      const target = 'id' in name ? { sessionId: name.id } : { sessionKey: name.key };
      const input: SendMessageInput = { ...target, text, idempotencyKey, ...options };
      const { sendMessage } = await requests.repeat(SendMessageDocument, { input });
      const { session, run } = accept(sendMessage, 'SendMessageSuccess');
      id.set(session.id);
      return runs.get(run.id);
    },
  };
}
