import type { ContextAt } from '../../application/run/context-at.ts';
import type { ShownAttachment } from '../../models/model.ts';
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

const AttachmentForm = builder.enumType('AttachmentForm', {
  description: 'What a model was shown of an attachment.',
  values: {
    FILE: { value: 'file', description: 'The file itself.' },
    TEXT: { value: 'text', description: 'The text of the file. Of a long file, its beginning.' },
    UNREADABLE: {
      value: 'unreadable',
      description: 'Name, media type and size, because the model could not read the file.',
    },
    LEFT_OUT: {
      value: 'left-out',
      description: 'Name, media type and size, because the request had no room for the file.',
    },
  } as const,
});

const ContextAttachment = builder.objectRef<ShownAttachment>('ContextAttachment').implement({
  description: 'An attachment as the model was shown it.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Id of the attachment, which may have been purged since.' }),
    name: t.exposeString('name', { description: 'File name that the upload gave.' }),
    mediaType: t.exposeString('mediaType', { description: 'Media type detected from the content.' }),
    bytes: t.exposeInt('bytes', { description: 'Length of the content in bytes.' }),
    sha256: t.exposeString('sha256', { description: 'SHA-256 of the content in lower-case hexadecimal.' }),
    form: t.expose('form', { type: AttachmentForm, description: 'What the model was shown of it.' }),
  }),
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
    attachments: t.expose('shownAttachments', {
      type: [ContextAttachment],
      description: 'The attachments of the message, in its order.',
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
