import { type CancelledRun, cancelRun } from '../../application/run/cancel-run.ts';
import type { SentMessage } from '../../application/run/message.ts';
import { type RetriedRun, retryRun } from '../../application/run/retry-run.ts';
import { sendMessage } from '../../application/run/send-message.ts';
import { rowOfRun } from '../../projections/runs.ts';
import { formatCursor } from '../../streams/cursor.ts';
import { builder } from '../builder.ts';
import { ClientToolInput } from '../client-tool/client-tool-input.ts';
import { loadRequired } from '../loaders.ts';
import { METADATA_DESCRIPTION } from '../metadata.ts';
import { RunType, SessionType } from '../object-types.ts';
import { defineResult, idempotencyKeyDescription, perform } from '../refusals.ts';

const WhenBusy = builder.enumType('WhenBusy', {
  description: 'What to do with a message if the session has a run that has not ended.',
  values: {
    QUEUE: { description: 'Run it after the current run, in the order of the messages.' },
    REJECT: { description: 'Return SessionBusyError and record nothing.' },
    INTERRUPT: { description: 'Cancel the current run, then run the message.' },
    STEER: { description: 'Pass it to the current run, which shows it to the model before its next model call.' },
  },
});

const SendMessageInput = builder.inputType('SendMessageInput', {
  description: 'A message and its session. Give exactly one of `sessionId` and `sessionKey`.',
  fields: (t) => ({
    sessionId: t.id({ description: 'Id of an existing session.' }),
    sessionKey: t.string({ description: 'Key of the session, which is created if it does not exist.' }),
    text: t.string({ required: true, description: 'Text of the message.' }),
    agentId: t.id({
      description: "Id of the agent that answers. If omitted, the session's agent, otherwise the default agent.",
    }),
    model: t.string({ description: "Name of a configured model to use instead of the agent's." }),
    attachmentIds: t.idList({
      description:
        'Ids of uploads made before with POST /attachments, in the order in which the model is shown them. The model must be able to read them.',
    }),
    outputSchema: t.field({
      type: 'JSON',
      description:
        "JSON Schema of the result, instead of the agent's. The run ends with `Run.result` that fits it, or FAILED with RESULT_INVALID after two attempts to repair the answer. Not with `whenBusy: STEER`.",
    }),
    whenBusy: t.field({
      type: WhenBusy,
      defaultValue: 'QUEUE',
      description: 'What to do if the session has a run that has not ended.',
    }),
    metadata: t.field({
      type: 'JSON',
      description: `Metadata of the message and of the run that it starts, found again with \`RunFilter.metadata\`. ${METADATA_DESCRIPTION} That of a steered message is recorded in its event only.`,
    }),
    clientTools: t.field({
      type: [ClientToolInput],
      description:
        'Tools of the client that the model may call in the run that the message starts, at most 32 and 64 KiB. Refused for a message that is steered into a run.',
    }),
    idempotencyKey: t.string({ description: idempotencyKeyDescription }),
  }),
});

const SendMessageSuccess = builder.objectRef<SentMessage>('SendMessageSuccess').implement({
  description: 'The message is stored durably.',
  fields: (t) => ({
    session: t.field({
      type: SessionType,
      description: 'The session of the message.',
      resolve: ({ sessionId }, _args, { loaders }) => loadRequired(loaders, 'session', sessionId),
    }),
    run: t.field({
      type: RunType,
      description: 'The new run; for a steered message, the run that received it.',
      resolve: ({ runId, run }, _args, { loaders }) => (run ? rowOfRun(run) : loadRequired(loaders, 'run', runId)),
    }),
    created: t.exposeBoolean('created', {
      description:
        'Whether this call recorded the message. False if an earlier call with the same idempotency key did; `run` is the run of that call.',
    }),
    cursor: t.string({
      description: 'Position of the recorded message. Pass it as `after` of `runEvents` to receive what follows.',
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

const RetryRunInput = builder.inputType('RetryRunInput', {
  description: 'The run to repeat.',
  fields: (t) => ({
    runId: t.id({ required: true, description: 'Id of a run that has ended.' }),
    idempotencyKey: t.string({ description: idempotencyKeyDescription }),
  }),
});

const RetryRunSuccess = builder.objectRef<RetriedRun>('RetryRunSuccess').implement({
  description: 'The new run is stored durably.',
  fields: (t) => ({
    run: t.field({
      type: RunType,
      description: 'The new run.',
      resolve: ({ runId }, _args, { loaders }) => loadRequired(loaders, 'run', runId),
    }),
  }),
});

const RetryRunResult = defineResult('RetryRunResult', RetryRunSuccess, [
  'not-found',
  'conflict',
  'invalid-input',
  'invalid-transition',
  'session-busy',
  'limit-exceeded',
]);

const CancelRunInput = builder.inputType('CancelRunInput', {
  description: 'The run to cancel.',
  fields: (t) => ({
    runId: t.id({ required: true, description: 'Id of a run that has not ended.' }),
    reason: t.string({ description: 'Why it is cancelled; recorded on the tape.' }),
  }),
});

const CancelRunSuccess = builder.objectRef<CancelledRun>('CancelRunSuccess').implement({
  description: 'The run is cancelled.',
  fields: (t) => ({
    run: t.field({
      type: RunType,
      description: 'The cancelled run.',
      resolve: ({ runId }, _args, { loaders }) => loadRequired(loaders, 'run', runId),
    }),
  }),
});

const CancelRunResult = defineResult('CancelRunResult', CancelRunSuccess, ['not-found', 'invalid-transition']);

builder.mutationFields((t) => ({
  sendMessage: t.field({
    type: SendMessageResult,
    description:
      'Records a message as a new run and returns at once. The run continues even if its client disconnects.',
    args: { input: t.arg({ type: SendMessageInput, required: true, description: 'The message.' }) },
    resolve: (_root, { input }, context) => perform(context, sendMessage(context.commands, context.viewer, input)),
  }),
  retryRun: t.field({
    type: RetryRunResult,
    description: 'Creates a new run with the message, metadata, agent and model of a run that has ended.',
    args: { input: t.arg({ type: RetryRunInput, required: true, description: 'The run to repeat.' }) },
    resolve: (_root, { input }, context) => perform(context, retryRun(context.commands, context.viewer, input)),
  }),
  cancelRun: t.field({
    type: CancelRunResult,
    description:
      'Cancels a run in any state that is not final, and withdraws its approvals. Cancelling a cancelled run succeeds and changes nothing.',
    args: { input: t.arg({ type: CancelRunInput, required: true, description: 'The run to cancel.' }) },
    resolve: (_root, { input }, context) => perform(context, cancelRun(context.commands, context.viewer, input)),
  }),
}));
