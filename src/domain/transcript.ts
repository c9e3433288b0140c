import type { Json, PlacedEvent, PlacedEventOf } from './events.ts';

/** What a model reads. */
export type Message =
  | { role: 'user'; text: string }
  | { role: 'assistant'; text: string; calls: { callId: string; tool: string; input: Json }[] }
  | { role: 'tool'; callId: string; tool: string; ok: boolean; text: string };

/** A message and the event that it was made of. */
export type PlacedMessage = Message & { seq: number };

/**
 * The conversation on one tape. A steered message stands before the first model call that could see it; results stand
 * behind the call that asked for them, in the order of the model, and a call that never got one says so.
 */
export function transcript(events: Iterable<PlacedEvent>): PlacedMessage[] {
  const messages: PlacedMessage[] = [];
  const waiting: PlacedMessage[] = [];
  let step: OpenStep | null = null;
  const closeStep = () => {
    if (step) messages.push(...messagesOf(step));
    step = null;
  };
  for (const event of events) {
    if (event.type === 'input') {
      const message: PlacedMessage = { role: 'user', text: event.payload.text, seq: event.seq };
      (event.payload.steered ? waiting : messages).push(message);
    } else if (event.type === 'context') {
      closeStep();
      messages.push(...waiting.splice(0));
    } else if (event.type === 'output') {
      step = { output: event, calls: new Map(), results: new Map() };
    } else if (event.type === 'tool_call') {
      step?.calls.set(event.payload.callId, event);
    } else if (event.type === 'tool_result') {
      step?.results.set(event.payload.callId, event);
    }
  }
  closeStep();
  return [...messages, ...waiting];
}

interface OpenStep {
  output: PlacedEventOf<'output'>;
  calls: Map<string, PlacedEventOf<'tool_call'>>;
  results: Map<string, PlacedEventOf<'tool_result'>>;
}

function messagesOf({ output, calls, results }: OpenStep): PlacedMessage[] {
  const asked = output.payload.toolCalls.flatMap((callId) => calls.get(callId) ?? []);
  const answer: PlacedMessage = {
    role: 'assistant',
    text: output.payload.text,
    calls: asked.map(({ payload: { callId, tool, input } }) => ({ callId, tool, input })),
    seq: output.seq,
  };
  return [
    answer,
    ...asked.map(({ payload: { callId, tool }, seq }): PlacedMessage => {
      const result = results.get(callId);
      return {
        role: 'tool',
        callId,
        tool,
        ok: result?.payload.ok ?? false,
        text: result ? textOf(result.payload) : 'The call was not executed: the run ended before.',
        seq: result?.seq ?? seq,
      };
    }),
  ];
}

function textOf({ ok, output, error }: PlacedEventOf<'tool_result'>['payload']): string {
  if (!ok) return error ?? 'The tool failed.';
  return typeof output === 'string' ? output : JSON.stringify(output);
}
