import { type Json, lastShown, type SequencedEvent, type SequencedEventOf } from './events.ts';

/** What a model reads. */
export type Message =
  | { role: 'user'; text: string }
  | {
      role: 'assistant';
      text: string;
      calls: { callId: string; tool: string; input: Json }[];
      /** What the model that said it wants to be shown again with it; means nothing to others. */
      kept?: { model: string; state: Json };
    }
  | { role: 'tool'; callId: string; tool: string; ok: boolean; text: string };

/** A message and the event that it was made of. */
export type SequencedMessage = Message & { seq: number };

/**
 * The conversation on one tape. A steered message stands before the first model call that could see it; results stand
 * behind the call that asked for them, in the order of the model, and a call that never got one says so.
 */
export function transcript(events: Iterable<SequencedEvent>): SequencedMessage[] {
  const messages: SequencedMessage[] = [];
  let waiting: SequencedMessage[] = [];
  let step: OpenStep | null = null;
  const closeStep = () => {
    if (step) messages.push(...messagesOf(step));
    step = null;
  };
  for (const event of events) {
    if (event.type === 'input') {
      const message: SequencedMessage = { role: 'user', text: event.payload.text, seq: event.seq };
      (event.payload.steered ? waiting : messages).push(message);
    } else if (event.type === 'context') {
      closeStep();
      // One that came while the context was put together was not in it, and waits for the next.
      const shown = waiting.filter(({ seq }) => seq <= lastShown(event));
      messages.push(...shown);
      waiting = waiting.filter((message) => !shown.includes(message));
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
  return [...messages, ...waiting];
}

interface OpenStep {
  output: SequencedEventOf<'output'>;
  calls: Map<string, SequencedEventOf<'tool_call'>>;
  /** Inputs that people put in the place of the model's. */
  edits: Map<string, Json>;
  results: Map<string, SequencedEventOf<'tool_result'>>;
}

function messagesOf({ output, calls, edits, results }: OpenStep): SequencedMessage[] {
  const asked = output.payload.toolCalls.flatMap((callId) => calls.get(callId) ?? []);
  const { text, model, providerState } = output.payload;
  const answer: SequencedMessage = {
    role: 'assistant',
    text,
    calls: asked.map(({ payload: { callId, tool, input } }) => ({ callId, tool, input })),
    ...(providerState !== null && { kept: { model, state: providerState } }),
    seq: output.seq,
  };
  return [
    answer,
    ...asked.map(({ payload: { callId, tool }, seq }): SequencedMessage => {
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
  const said = typeof output === 'string' ? output : JSON.stringify(output);
  const text = ok ? said : (error ?? 'The tool failed.');
  return edited === undefined ? text : `A person changed the input to ${JSON.stringify(edited)}.\n${text}`;
}
