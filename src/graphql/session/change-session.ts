import {
  archiveSession,
  type ChangedSession,
  type PurgedSession,
  purgeSession,
  updateSession,
} from '../../application/session/change-session.ts';
import { builder } from '../builder.ts';
import { present } from '../public-errors.ts';
import { defineResult, perform } from '../refusals.ts';
import { SessionType } from './session.ts';

const UpdateSessionInput = builder.inputType('UpdateSessionInput', {
  description: 'What to change of a session; what is left out stays as it is.',
  fields: (t) => ({
    sessionId: t.id({ required: true, description: 'Which session.' }),
    title: t.string({ description: 'A title given by hand is never replaced by one made of a message.' }),
    agentId: t.id({ description: 'The agent that answers from the next message on.' }),
    useCompaction: t.boolean({
      description: 'False shows models the originals only, as many as fit, and makes no summaries.',
    }),
  }),
});

const UpdateSessionSuccess = builder.objectRef<ChangedSession>('UpdateSessionSuccess').implement({
  description: 'The session is changed.',
  fields: (t) => ({
    session: t.field({
      type: SessionType,
      description: 'The session as it is now.',
      resolve: ({ sessionId: id }, _args, { loaders }) => present(loaders.session.load(id), 'session', id),
    }),
  }),
});

const UpdateSessionResult = defineResult('UpdateSessionResult', UpdateSessionSuccess, ['not-found', 'invalid-input']);

const ArchiveSessionInput = builder.inputType('ArchiveSessionInput', {
  description: 'Which session to put away.',
  fields: (t) => ({ sessionId: t.id({ required: true, description: 'A session without a run that is open.' }) }),
});

const ArchiveSessionSuccess = builder.objectRef<ChangedSession>('ArchiveSessionSuccess').implement({
  description: 'The session is archived.',
  fields: (t) => ({
    session: t.field({
      type: SessionType,
      description: 'The session as it is now.',
      resolve: ({ sessionId: id }, _args, { loaders }) => present(loaders.session.load(id), 'session', id),
    }),
  }),
});

const ArchiveSessionResult = defineResult('ArchiveSessionResult', ArchiveSessionSuccess, ['not-found', 'session-busy']);

const PurgeSessionInput = builder.inputType('PurgeSessionInput', {
  description: 'Which session to erase, said twice.',
  fields: (t) => ({
    sessionId: t.id({ required: true, description: 'A session without a run that is open.' }),
    confirmKey: t.string({ required: true, description: "Must equal the session's key." }),
    withBranches: t.boolean({
      defaultValue: false,
      description: 'Erase all branches of it too, and theirs. Without it a session that has branches is not purged.',
    }),
  }),
});

const PurgeSessionSuccess = builder.objectRef<PurgedSession>('PurgeSessionSuccess').implement({
  description: 'The session is gone for good.',
  fields: (t) => ({
    purgedSessionId: t.id({ description: 'The id that it had.', resolve: ({ sessionId }) => sessionId }),
    purgedRuns: t.int({ description: 'How many runs went with it.', resolve: ({ runs }) => runs }),
  }),
});

const PurgeSessionResult = defineResult('PurgeSessionResult', PurgeSessionSuccess, [
  'not-found',
  'conflict',
  'session-busy',
]);

builder.mutationFields((t) => ({
  updateSession: t.field({
    type: UpdateSessionResult,
    description: "Changes a session's title or agent.",
    args: { input: t.arg({ type: UpdateSessionInput, required: true, description: 'What to change.' }) },
    resolve: (_root, { input }, context) => perform(context, updateSession(context.commands, context.viewer, input)),
  }),
  archiveSession: t.field({
    type: ArchiveSessionResult,
    description: 'Hides the session, frees its key, keeps its tapes. Doing it again changes nothing.',
    args: { input: t.arg({ type: ArchiveSessionInput, required: true, description: 'Which session.' }) },
    resolve: (_root, { input }, context) => perform(context, archiveSession(context.commands, context.viewer, input)),
  }),
  purgeSession: t.field({
    type: PurgeSessionResult,
    description: 'Erases the session, its runs, tapes, approvals, artifacts and session-scoped memories for good.',
    args: { input: t.arg({ type: PurgeSessionInput, required: true, description: 'Which session.' }) },
    resolve: (_root, { input }, context) => perform(context, purgeSession(context.commands, context.viewer, input)),
  }),
}));
