import { type AttachmentRef, type Json, lastShown, type SequencedEvent, type SequencedEventOf } from './events.ts';

// Messages are part of every request hash on a tape: if a member or a text below is renamed, the contexts that were recorded
// before can no longer be rebuilt exactly.

/** One message of the conversation that a model is shown. */
export type Message =
  | { role: 'user'; text: string; attachments?: readonly AttachmentRef[] }
  | {
      role: 'assistant';
      text: string;
      calls: { callId: string; tool: string; input: Json }[];
      /** Data that has to be sent back to the model that answered; other models ignore it. */
      kept?: { model: string; state: Json };
    }
  | { role: 'tool'; callId: string; tool: string; ok: boolean; text: string };

/** A message, and the seq of the event it was made of. */
export type SequencedMessage = Message & { seq: number };

/**
 * Returns the conversation of one tape. A steered message comes before the first answer that could see it. Results follow
 * the answer that requested them, in the model's order; a call without a result gets one that says so.
 */
export function transcript(events: Iterable<SequencedEvent>): SequencedMessage[] {
  const messages: SequencedMessage[] = [];
  let unseen: SequencedMessage[] = [];
  let step: OpenStep | null = null;
  const closeStep = () => {
    if (step) messages.push(...messagesOf(step));
    step = null;
  };
  for (const event of events) {
    if (event.type === 'input') {
      const { text, attachments } = event.payload;
      const message: SequencedMessage = { role: 'user', text, ...(attachments && { attachments }), seq: event.seq };
      (event.payload.steered ? unseen : messages).push(message);
    } else if (event.type === 'context') {
      closeStep();
      // A message that was recorded while the context was assembled is not in it, and waits for the next one.
      const shown = unseen.filter(({ seq }) => seq <= lastShown(event));
      messages.push(...shown);
      unseen = unseen.filter((message) => !shown.includes(message));
    } else if (event.type === 'output') {
      step = { output: event, calls: new Map(), edits: new Map(), results: new Map() };
    } else if (event.type === 'tool_call') {
      step?.calls.set(event.payload.callId, event);
    } else if (event.type === 'approval_decision') {
      if (event.payload.editedInput !== null) step?.edits.set(event.payload.callId, event.payload.editedInput);
    } else if (event.type === 'tool_result') {
      step?.results.set(event.payload.callId, event);
    }
  }
  closeStep();
  return [...messages, ...unseen];
}

/** A step whose results may still come. */
interface OpenStep {
  output: SequencedEventOf<'output'>;
  calls: Map<string, SequencedEventOf<'tool_call'>>;
  /** Inputs that approvers replaced the model's with. */
  edits: Map<string, Json>;
  results: Map<string, SequencedEventOf<'tool_result'>>;
}

function messagesOf({ output, calls, edits, results }: OpenStep): SequencedMessage[] {
  const requested = output.payload.toolCalls.flatMap((callId) => calls.get(callId) ?? []);
  const { text, storedText, model, providerState } = output.payload;
  const answer: SequencedMessage = {
    role: 'assistant',
    text: storedText === null ? text : `${text}\n[The answer continues: ${storedText.bytes} bytes in total.]`,
    calls: requested.map(({ payload: { callId, tool, input } }) => ({ callId, tool, input })),
    ...(providerState !== null && { kept: { model, state: providerState } }),
    seq: output.seq,
  };
  return [
    answer,
    ...requested.map(({ payload: { callId, tool }, seq }): SequencedMessage => {
      const result = results.get(callId);
      return {
        role: 'tool',
        callId,
        tool,
        ok: result?.payload.ok ?? false,
        text: textOf(result?.payload, edits.get(callId)),
        seq: result?.seq ?? seq,
      };
    }),
  ];
}

function textOf(result: SequencedEventOf<'tool_result'>['payload'] | undefined, edited: Json | undefined): string {
  if (!result) return 'The call was not executed: the run ended before.';
  const { ok, output, error } = result;
  const outputText = typeof output === 'string' ? output : JSON.stringify(output);
  const text = ok ? outputText : (error ?? 'The tool failed.');
  return edited === undefined ? text : `A person changed the input to ${JSON.stringify(edited)}.\n${text}`;
}
