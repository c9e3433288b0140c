import type { ContextAt } from '../../application/run/context-at.ts';
import { builder } from '../builder.ts';
import { CompactionType, MemoryType } from '../object-types.ts';

type MessageOfContext = ContextAt['messages'][number];

export const MessageRole = builder.enumType('MessageRole', {
  description: 'Author of a message, as the model sees it.',
  values: {
    USER: { value: 'user', description: 'A person or program that uses the gateway.' },
    ASSISTANT: { value: 'assistant', description: 'The model.' },
    TOOL: { value: 'tool', description: 'A tool that the model called.' },
  } as const,
});

const ContextMessage = builder.objectRef<MessageOfContext>('ContextMessage').implement({
  description: 'A message as the model was shown it, with the event that contains it.',
  fields: (t) => ({
    role: t.expose('role', { type: MessageRole, description: 'Author of the message.' }),
    text: t.exposeString('text', { description: 'Text of the message; of a result that was cut, what remained.' }),
    runId: t.exposeID('runId', { description: 'Id of the run whose tape contains the event.' }),
    seq: t.exposeInt('seq', { description: 'Seq of the event on that tape.' }),
    callId: t.id({
      nullable: true,
      description: 'Id of the tool call that this is the result of; null for other messages.',
      resolve: (message) => (message.role === 'tool' ? message.callId : null),
    }),
    tool: t.string({
      nullable: true,
      description: 'Name of the tool that this is a result of; null for other messages.',
      resolve: (message) => (message.role === 'tool' ? message.tool : null),
    }),
    toolCalls: t.idList({
      description: 'Ids of the tool calls that the message requests, in order.',
      resolve: (message) => (message.role === 'assistant' ? message.calls.map(({ callId }) => callId) : []),
    }),
  }),
});

export const RunContext = builder.objectRef<ContextAt>('RunContext').implement({
  description: 'What the model was shown in one step, rebuilt from the tapes.',
  fields: (t) => ({
    step: t.int({
      description: 'Number of the model call: 1, 2, 3, … within the run.',
      resolve: ({ event }) => event.payload.step,
    }),
    model: t.string({ description: 'Name of the model.', resolve: ({ event }) => event.payload.model }),
    instructions: t.exposeString('instructions', {
      description: 'Text before the conversation: instructions, summary and memories.',
    }),
    messages: t.expose('messages', {
      type: [ContextMessage],
      description: 'The conversation, in the order in which it was shown.',
    }),
    tools: t.stringList({
      description: 'Names of the tools that the model could call.',
      resolve: ({ event }) => event.payload.tools,
    }),
    memories: t.expose('memories', {
      type: [MemoryType],
      description: 'The memories that were shown, without those that were deleted since.',
    }),
    compaction: t.field({
      type: CompactionType,
      nullable: true,
      description: 'The summary that replaced older history; null if there was none.',
      resolve: ({ event: { payload } }, _args, { loaders }) =>
        payload.artifactId === null ? null : loaders.compaction.load(payload.artifactId),
    }),
    requestHash: t.exposeString('requestHash', {
      description: 'SHA-256 of the request in hexadecimal, recorded when it was sent.',
    }),
    isExact: t.boolean({
      description: 'Whether the rebuilt request has the recorded hash, so that nothing was lost or changed since.',
      resolve: ({ missing }) => missing.length === 0,
    }),
    missing: t.exposeStringList('missing', {
      description: 'What could not be rebuilt, in words for a person; empty if the request is exact.',
    }),
  }),
});
