import type { Actor as ActorOfEvent, EventType, RecordedEvent } from '../../domain/events.ts';
import { formatCursor } from '../../streams/cursor.ts';
import { builder } from '../builder.ts';
import { badUserInput } from '../public-errors.ts';

const actors = {
  USER: { description: 'The person or program that the run is for.' },
  MODEL: { description: 'The model.' },
  TOOL: { description: 'A tool.' },
  OPERATOR: { description: 'Whoever runs the gateway.' },
  SYSTEM: { description: 'The gateway itself.' },
} as const satisfies Record<ActorOfEvent, { description: string }>;

const Actor = builder.enumType('Actor', { description: 'Who did what an event records.', values: actors });

const types = {
  INPUT: { value: 'input', description: 'A message: the one that began the run, or one steered into it.' },
  STATUS: { value: 'status', description: "A transition of the run's state." },
  CONTEXT: { value: 'context', description: 'What the model is shown for one step.' },
  THOUGHT: { value: 'thought', description: 'A piece of what the model thought before it answered.' },
  OUTPUT_DELTA: { value: 'output_delta', description: 'A piece of an answer while it is being written.' },
  OUTPUT: { value: 'output', description: 'The whole answer of one model call.' },
  TOOL_CALL: { value: 'tool_call', description: 'The model asks for a tool.' },
  TOOL_DECISION: { value: 'tool_decision', description: 'What policy says about a tool call.' },
  APPROVAL_REQUEST: { value: 'approval_request', description: 'A person is asked about a tool call.' },
  APPROVAL_DECISION: { value: 'approval_decision', description: 'What became of that question.' },
  TOOL_START: { value: 'tool_start', description: 'A tool is about to be executed.' },
  TOOL_PROGRESS: { value: 'tool_progress', description: 'How far a tool says that it is with a call.' },
  TOOL_RESULT: { value: 'tool_result', description: 'What came of a tool call.' },
  COMPACTION: { value: 'compaction', description: 'Older history was summarised.' },
  RESUMPTION: { value: 'resumption', description: 'The run was taken up again after its executor was lost.' },
} as const satisfies { [Type in EventType as Uppercase<Type>]: { value: Type; description: string } };

const TapeEventType = builder.enumType('TapeEventType', {
  description: 'What kind of thing an event records.',
  values: types,
});

export const { types: typesArgument } = builder.args((t) => ({
  types: t.field({
    type: [TapeEventType],
    description: 'Only events of these types; all of them without it. Cursors stay the same.',
  }),
}));

/** The types that are asked for; undefined for all. Throws where that is none. */
export function wantedTypes(wanted: readonly EventType[] | null | undefined): EventType[] | undefined {
  if (wanted?.length === 0) throw badUserInput('`types` is empty; leave it out for events of all types.');
  return wanted ? [...new Set(wanted)] : undefined;
}

const typeNames: Record<EventType, string> = {
  input: 'InputEvent',
  status: 'StatusEvent',
  context: 'ContextEvent',
  thought: 'ThoughtEvent',
  output_delta: 'OutputDeltaEvent',
  output: 'OutputEvent',
  tool_call: 'ToolCallEvent',
  tool_decision: 'ToolDecisionEvent',
  approval_request: 'ApprovalRequestEvent',
  approval_decision: 'ApprovalDecisionEvent',
  tool_start: 'ToolStartEvent',
  tool_progress: 'ToolProgressEvent',
  tool_result: 'ToolResultEvent',
  compaction: 'CompactionEvent',
  resumption: 'ResumptionEvent',
};

export const TapeEvent = builder.interfaceRef<RecordedEvent>('TapeEvent').implement({
  description: 'One thing that happened in a run, as recorded. It never changes.',
  resolveType: ({ type }) => typeNames[type],
  fields: (t) => ({
    runId: t.exposeID('runId', { description: 'The run.' }),
    seq: t.exposeInt('seq', { description: '1, 2, 3, … within the run, without holes.' }),
    cursor: t.string({
      description: 'Opaque position. Handing it back as `after` continues with the very next event.',
      resolve: formatCursor,
    }),
    type: t.expose('type', { type: TapeEventType, description: 'What kind of thing it records.' }),
    actor: t.expose('actor', { type: Actor, description: 'Who did it.' }),
    recordedAt: t.field({
      type: 'DateTime',
      description: 'When it was recorded; never before the event in front of it.',
      resolve: ({ recordedAt }) => new Date(recordedAt),
    }),
    payload: t.field({
      type: 'JSON',
      description: 'The event exactly as recorded.',
      resolve: ({ payload }) => payload,
    }),
    hash: t.exposeString('hash', {
      description: 'SHA-256 over this event and the hash before it, in lower-case hex.',
    }),
  }),
});
