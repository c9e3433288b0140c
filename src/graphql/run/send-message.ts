import type { SentMessage } from '../../application/run/message.ts';
import { sendMessage } from '../../application/run/send-message.ts';
import { formatCursor } from '../../streams/cursor.ts';
import { builder } from '../builder.ts';
import { present } from '../public-errors.ts';
import { defineResult, perform } from '../refusals.ts';
import { SessionType } from '../session/session.ts';
import { RunType } from './run.ts';

const WhenBusy = builder.enumType('WhenBusy', {
  description: 'What to do with a message when the session already has a run under way.',
  values: {
    QUEUE: { description: 'Run it after the current one, in order.' },
    REJECT: { description: 'Refuse it with SessionBusyError.' },
    INTERRUPT: { description: 'Cancel the current run, then run it.' },
    STEER: { description: 'Hand it to the current run before its next model call.' },
  },
});

const SendMessageInput = builder.inputType('SendMessageInput', {
  description: 'A message, and where it goes.',
  fields: (t) => ({
    sessionId: t.id({ description: 'An existing session; or give `sessionKey`.' }),
    sessionKey: t.string({
      description: 'Key of a session, which is created when there is none; or give `sessionId`.',
    }),
    text: t.string({ required: true, description: 'What the model is to answer.' }),
    agentId: t.id({ description: "The agent that runs it; without it the session's, or else the default one." }),
    model: t.string({ description: "Overrides the agent's model." }),
    whenBusy: t.field({
      type: WhenBusy,
      defaultValue: 'QUEUE',
      description: 'What to do when the session already has a run under way.',
    }),
    idempotencyKey: t.string({
      description:
        'The same key with the same input returns the same run; with another input it is a conflict. Kept for 24 hours at least.',
    }),
  }),
});

const SendMessageSuccess = builder.objectRef<SentMessage>('SendMessageSuccess').implement({
  description: 'The message is recorded, and stays so whatever happens.',
  fields: (t) => ({
    session: t.field({
      type: SessionType,
      description: 'The session that it went into.',
      resolve: ({ sessionId: id }, _args, { loaders }) => present(loaders.session.load(id), 'session', id),
    }),
    run: t.field({
      type: RunType,
      description: 'The run that it began, or that it was handed to.',
      resolve: ({ runId: id }, _args, { loaders }) => present(loaders.run.load(id), 'run', id),
    }),
    created: t.exposeBoolean('created', {
      description:
        'Whether this call recorded the message; false where its idempotency key shows that it was recorded before, and `run` is that run.',
    }),
    cursor: t.string({
      description:
        'Position of the recorded message: as `after` of `runEvents` it follows everything that comes of it.',
      resolve: formatCursor,
    }),
  }),
});

const SendMessageResult = defineResult('SendMessageResult', SendMessageSuccess, [
  'not-found',
  'conflict',
  'invalid-input',
  'session-busy',
  'limit-exceeded',
]);

builder.mutationField('sendMessage', (t) =>
  t.field({
    type: SendMessageResult,
    description: 'Records the message as a new run and returns at once; the run goes on whoever is connected.',
    args: { input: t.arg({ type: SendMessageInput, required: true, description: 'The message.' }) },
    resolve: (_root, { input }, context) => perform(context, sendMessage(context.commands, context.viewer, input)),
  }),
);
