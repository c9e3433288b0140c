import { type CancelledSessionRuns, cancelSessionRuns } from '../../application/session/cancel-session-runs.ts';
import { type ChangedSession, unarchiveSession } from '../../application/session/change-session.ts';
import { builder } from '../builder.ts';
import { loadRequired } from '../loaders.ts';
import { SessionType } from '../object-types.ts';
import { defineResult, perform } from '../refusals.ts';

const UnarchiveSessionInput = builder.inputType('UnarchiveSessionInput', {
  description: 'The session to unarchive.',
  fields: (t) => ({ sessionId: t.id({ required: true, description: 'Id of an archived session.' }) }),
});

const UnarchiveSessionSuccess = builder.objectRef<ChangedSession>('UnarchiveSessionSuccess').implement({
  description: 'The session is not archived.',
  fields: (t) => ({
    session: t.field({
      type: SessionType,
      description: 'The session.',
      resolve: ({ sessionId }, _args, { loaders }) => loadRequired(loaders, 'session', sessionId),
    }),
  }),
});

const UnarchiveSessionResult = defineResult('UnarchiveSessionResult', UnarchiveSessionSuccess, [
  'not-found',
  'conflict',
]);

const CancelSessionRunsInput = builder.inputType('CancelSessionRunsInput', {
  description: 'The session whose runs are cancelled.',
  fields: (t) => ({
    sessionId: t.id({ required: true, description: 'Id of the session.' }),
    reason: t.string({ description: 'Why they are cancelled; recorded on their tapes.' }),
  }),
});

const CancelSessionRunsSuccess = builder.objectRef<CancelledSessionRuns>('CancelSessionRunsSuccess').implement({
  description: 'The runs are cancelled.',
  fields: (t) => ({
    session: t.field({
      type: SessionType,
      description: 'The session.',
      resolve: ({ sessionId }, _args, { loaders }) => loadRequired(loaders, 'session', sessionId),
    }),
    cancelledRuns: t.int({
      description: 'Number of runs that this call cancelled.',
      resolve: ({ runs }) => runs,
    }),
  }),
});

const CancelSessionRunsResult = defineResult('CancelSessionRunsResult', CancelSessionRunsSuccess, ['not-found']);

builder.mutationFields((t) => ({
  unarchiveSession: t.field({
    type: UnarchiveSessionResult,
    description:
      'Shows an archived session again, under its key. ConflictError if another session has the key. Unarchiving a session that is not archived succeeds and changes nothing.',
    args: { input: t.arg({ type: UnarchiveSessionInput, required: true, description: 'The session.' }) },
    resolve: (_root, { input }, context) => perform(context, unarchiveSession(context.commands, context.viewer, input)),
  }),
  cancelSessionRuns: t.field({
    type: CancelSessionRunsResult,
    description:
      'Cancels the active run of a session and every queued one, and withdraws their approvals. A message that was answered before is cancelled. A message that is sent at the same time may start a run afterwards.',
    args: { input: t.arg({ type: CancelSessionRunsInput, required: true, description: 'The session.' }) },
    resolve: (_root, { input }, context) =>
      perform(context, cancelSessionRuns(context.commands, context.viewer, input)),
  }),
}));
