import type { TapeEvent } from '@runtape/client';

interface WaitPayload {
  callId: string;
  /** Only of the request. */
  summary?: string;
  /** Only of what settled it. */
  outcome?: string;
  decidedBy?: string | null;
}

/** What an event of a question or a client tool call records. */
export function waitPayloadOf({ payload }: Extract<TapeEvent, { type: 'WAIT_REQUEST' | 'WAIT_SETTLED' }>): WaitPayload {
  return payload as WaitPayload;
}
