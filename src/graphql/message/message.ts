import type { ConversationMessage } from '../../projections/messages.ts';
import { toolCallsOfAnswer } from '../../projections/tool-calls.ts';
import { formatCursor } from '../../streams/cursor.ts';
import { builder } from '../builder.ts';
import { connectionArguments, defineConnection, defineEdge } from '../connection/connections.ts';
import { connectionOf } from '../connection/paging.ts';
import { loadRequired } from '../loaders.ts';
import { AttachmentType, RunType, SessionType } from '../object-types.ts';
import { MessageRole } from '../run/run-context.ts';
import { ToolCall } from '../tool-call/tool-call.ts';
import { messagePage } from './message-pages.ts';

const Message = builder.objectRef<ConversationMessage>('Message').implement({
  description: 'One message of a conversation, as a chat shows it.',
  fields: (t) => ({
    id: t.exposeID('id', {
      description: 'Unique among all messages. It stays the same while an answer grows and when it is complete.',
    }),
    cursor: t.string({
      description:
        'Position on the tape, which is also a cursor of its run. Of an answer that is not complete, the position up to which `text` is what the run has recorded: follow the run from there for the rest.',
      resolve: formatCursor,
    }),
    role: t.expose('role', { type: MessageRole, description: 'Author of the message: USER or ASSISTANT.' }),
    step: t.exposeInt('step', {
      nullable: true,
      description: 'Number of the model call that it came from; null for messages of the user.',
    }),
    complete: t.exposeBoolean('isComplete', {
      description:
        'False while the model is generating it: `text` is what is durable so far. True when nothing is added any more, also if the run ended in the middle of the answer.',
    }),
    text: t.string({
      description: 'Text of the message.',
      resolve: ({ text, storedText }, _args, { loaders }) =>
        storedText === null ? text : loaders.storedText.load(storedText.id).then((whole) => whole ?? text),
    }),
    runId: t.exposeID('runId', { description: 'Id of the run whose tape contains it.' }),
    run: t.field({
      type: RunType,
      description: 'The run whose tape contains it; of a branch, it may belong to an ancestor.',
      resolve: ({ runId }, _args, { loaders }) => loadRequired(loaders, 'run', runId),
    }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When it was recorded; while it is not complete, when its first part was.',
      resolve: ({ createdAt }) => new Date(createdAt),
    }),
    toolCalls: t.field({
      type: [ToolCall],
      description: "The tool calls that it requests, in the model's order; empty for messages of the user.",
      resolve: ({ runId, seq, step, nextOutput }, _args, { loaders }) =>
        step === null ? [] : loaders.toolCalls.load(toolCallsOfAnswer({ runId, seq, step }, nextOutput)),
    }),
    attachments: t.field({
      type: [AttachmentType],
      description: 'The attachments of a message of the user, in its order; empty for answers.',
      resolve: async ({ role, runId, seq }, _args, { loaders }) =>
        role === 'assistant'
          ? []
          : (await loaders.attachmentsOfRun.load(runId)).filter(({ messageSeq }) => messageSeq === seq),
    }),
  }),
});

const MessageEdge = defineEdge('Message', 'messages', Message);

const MessageConnection = defineConnection('Message', 'messages', Message, MessageEdge);

builder.objectField(SessionType, 'messages', (t) =>
  t.field({
    type: MessageConnection,
    description:
      'The conversation as a chat shows it: messages of the user and answers, oldest first, with what a branch sees of its ancestors. Runs are in the order in which they were created, as in `sessionEvents`; messages that were steered into a run are among its answers. `resolveSession(reset: true)` does not change it.',
    args: connectionArguments,
    resolve: async (session, args, context) => {
      const { rows, ...page } = await messagePage(context, session, args);
      return connectionOf(
        rows.map((node) => ({ cursor: formatCursor(node), node })),
        page,
      );
    },
  }),
);
