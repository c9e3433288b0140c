import type { Actor as ActorOfEvent, EventType, RecordedEvent } from '../../domain/events.ts';
import { formatCursor } from '../../streams/cursor.ts';
import { builder } from '../builder.ts';
import { Node } from '../node.ts';
import { badUserInput } from '../public-errors.ts';
import { eventId, eventTypeNames } from './event-node.ts';

const Actor = builder.enumType('Actor', {
  description: 'Who caused an event.',
  values: {
    USER: { description: 'The person or program that uses the gateway.' },
    MODEL: { description: 'The model.' },
    TOOL: { description: 'A tool.' },
    OPERATOR: { description: 'The person who runs the gateway.' },
    SYSTEM: { description: 'The gateway itself.' },
  } as const satisfies Record<ActorOfEvent, { description: string }>,
});

const TapeEventType = builder.enumType('TapeEventType', {
  description: 'What an event records.',
  values: {
    INPUT: { value: 'input', description: 'A message: the one that started the run, or one that was steered into it.' },
    STATUS: { value: 'status', description: "A transition of the run's state." },
    CONTEXT: { value: 'context', description: 'What the model is shown in one step.' },
    THOUGHT: { value: 'thought', description: "A part of the model's reasoning." },
    OUTPUT_DELTA: { value: 'output_delta', description: 'A part of an answer that is being generated.' },
    OUTPUT: { value: 'output', description: 'The complete answer of one model call.' },
    TOOL_CALL: { value: 'tool_call', description: 'The model requests a tool call.' },
    TOOL_DECISION: { value: 'tool_decision', description: 'The decision of the policy about a tool call.' },
    APPROVAL_REQUEST: { value: 'approval_request', description: 'A person must decide about a tool call.' },
    APPROVAL_DECISION: { value: 'approval_decision', description: 'An approval was settled.' },
    WAIT_REQUEST: {
      value: 'wait_request',
      description: 'The run waits for a person or a client; approvals have APPROVAL_REQUEST.',
    },
    WAIT_SETTLED: { value: 'wait_settled', description: 'Such a wait was settled.' },
    TOOL_START: { value: 'tool_start', description: 'A tool is about to be executed.' },
    TOOL_PROGRESS: { value: 'tool_progress', description: 'Progress of a tool call, as the tool reports it.' },
    TOOL_RESULT: { value: 'tool_result', description: 'The result of a tool call.' },
    COMPACTION: { value: 'compaction', description: 'Older history was summarised.' },
    RESUMPTION: { value: 'resumption', description: 'The run was resumed, or a step of it started over.' },
  } as const satisfies { [Type in EventType as Uppercase<Type>]: { value: Type; description: string } },
});

export const { types: typesArgument } = builder.args((t) => ({
  types: t.field({
    type: [TapeEventType],
    description: 'Only events of these types; all types if omitted. Cursors do not depend on it.',
  }),
}));

/** Returns the distinct types, or undefined for all types. Throws BAD_USER_INPUT if the list is empty. */
export function selectedTypes(types: readonly EventType[] | null | undefined): EventType[] | undefined {
  if (types?.length === 0) throw badUserInput('`types` is empty. Omit it to receive events of all types.');
  return types ? [...new Set(types)] : undefined;
}

export const TapeEvent = builder.interfaceRef<RecordedEvent>('TapeEvent').implement({
  description: 'One record of what happened in a run. It never changes.',
  interfaces: [Node],
  resolveType: ({ type }) => eventTypeNames[type],
  fields: (t) => ({
    id: t.id({ description: 'Unique among all objects: the id of the run, a colon and `seq`.', resolve: eventId }),
    runId: t.exposeID('runId', { description: 'Id of the run.' }),
    seq: t.exposeInt('seq', { description: 'Number of the event within the run: 1, 2, 3, … without gaps.' }),
    cursor: t.string({
      description: 'Opaque position of the event. Pass it as `after` to continue with the next event.',
      resolve: formatCursor,
    }),
    type: t.expose('type', { type: TapeEventType, description: 'What the event records.' }),
    actor: t.expose('actor', { type: Actor, description: 'Who caused the event.' }),
    recordedAt: t.field({
      type: 'DateTime',
      description: 'When the event was recorded; never earlier than the event before it.',
      resolve: ({ recordedAt }) => new Date(recordedAt),
    }),
    payload: t.field({
      type: 'JSON',
      description: 'Content of the event, exactly as recorded.',
      resolve: ({ payload }) => payload,
    }),
    hash: t.exposeString('hash', {
      description: 'SHA-256 over this event and the hash of the event before it, in lower-case hexadecimal.',
    }),
  }),
});
