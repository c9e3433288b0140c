import type { ContextAt } from '../../application/run/context-at.ts';
import { builder } from '../builder.ts';
import { MemoryType } from '../memory/memory.ts';
import { CompactionArtifactType } from '../session/compaction-artifact.ts';

type ShownMessage = ContextAt['messages'][number];

const MessageRole = builder.enumType('MessageRole', {
  description: 'Who says it, as the model sees it.',
  values: {
    USER: { value: 'user', description: 'A person.' },
    ASSISTANT: { value: 'assistant', description: 'The model.' },
    TOOL: { value: 'tool', description: 'A tool that the model asked for.' },
  } as const,
});

const ContextMessage = builder.objectRef<ShownMessage>('ContextMessage').implement({
  description: 'A message as the model was shown it, and the event that it was made of.',
  fields: (t) => ({
    role: t.expose('role', { type: MessageRole, description: 'Who says it.' }),
    text: t.exposeString('text', { description: 'What it says; of a result that was cut, what was left.' }),
    runId: t.exposeID('runId', { description: 'The run whose tape it stands on.' }),
    seq: t.exposeInt('seq', { description: 'Its seq on that tape.' }),
    callId: t.id({
      nullable: true,
      description: 'The call whose result it is; null where it is none.',
      resolve: (message) => (message.role === 'tool' ? message.callId : null),
    }),
    tool: t.string({
      nullable: true,
      description: 'The tool whose result it is; null where it is none.',
      resolve: (message) => (message.role === 'tool' ? message.tool : null),
    }),
    toolCalls: t.idList({
      description: 'Calls that it asks for.',
      resolve: (message) => (message.role === 'assistant' ? message.calls.map(({ callId }) => callId) : []),
    }),
  }),
});

export const RunContext = builder.objectRef<ContextAt>('RunContext');

RunContext.implement({
  description: 'What the model was shown for one step.',
  fields: (t) => ({
    step: t.int({ description: 'Which model call.', resolve: ({ event }) => event.payload.step }),
    model: t.string({ description: 'Name of the model.', resolve: ({ event }) => event.payload.model }),
    instructions: t.exposeString('instructions', {
      description: 'What it was told before the conversation: the instructions, the summary, the memories.',
    }),
    messages: t.expose('messages', { type: [ContextMessage], description: 'The conversation, in the order shown.' }),
    tools: t.stringList({
      description: 'Names of the tools that it could ask for.',
      resolve: ({ event }) => event.payload.tools,
    }),
    memories: t.expose('memories', { type: [MemoryType], description: 'The memories shown that still exist.' }),
    compaction: t.field({
      type: CompactionArtifactType,
      nullable: true,
      description: 'The summary that stood for older history; null where none was needed.',
      resolve: ({ event: { payload } }, _args, { loaders }) =>
        payload.artifactId === null ? null : loaders.artifact.load(payload.artifactId),
    }),
    requestHash: t.exposeString('requestHash', {
      description: 'SHA-256 of the request, as recorded when it was sent.',
    }),
    isExact: t.boolean({
      description: 'Whether the rebuilt request has the recorded hash: nothing was lost or changed since.',
      resolve: ({ missing }) => missing.length === 0,
    }),
    missing: t.exposeStringList('missing', {
      description: 'What can not be shown as it was, in words; empty where everything is exact.',
    }),
  }),
});
