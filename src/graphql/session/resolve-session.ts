import { type ResolvedSession, resolveSession } from '../../application/session/resolve-session.ts';
import { builder } from '../builder.ts';
import { present } from '../public-errors.ts';
import { defineResult, perform } from '../refusals.ts';
import { SessionType } from './session.ts';

const ResolveSessionInput = builder.inputType('ResolveSessionInput', {
  description: 'Which session is wanted: by id, by key, or both where they must be of the same one.',
  fields: (t) => ({
    id: t.id({ description: 'Id of an existing session.' }),
    key: t.string({ description: 'Key of a session, which is created when there is none.' }),
    title: t.string({ description: 'Title for a session that is created.' }),
    agentId: t.id({ description: 'Agent for a session that is created.' }),
    requireExisting: t.boolean({ defaultValue: false, description: 'Refuse with NotFoundError rather than create.' }),
    reset: t.boolean({
      defaultValue: false,
      description:
        'Start from a clean context: earlier history stays on the tapes and is no longer shown to the model.',
    }),
  }),
});

const ResolveSessionSuccess = builder.objectRef<ResolvedSession>('ResolveSessionSuccess').implement({
  description: 'There is such a session now.',
  fields: (t) => ({
    session: t.field({
      type: SessionType,
      description: 'The session.',
      resolve: ({ sessionId: id }, _args, { loaders }) => present(loaders.session.load(id), 'session', id),
    }),
    created: t.exposeBoolean('created', { description: 'Whether this call created it.' }),
    reset: t.exposeBoolean('reset', { description: 'Whether this call made it start from a clean context.' }),
  }),
});

const ResolveSessionResult = defineResult('ResolveSessionResult', ResolveSessionSuccess, [
  'not-found',
  'conflict',
  'invalid-input',
]);

builder.mutationField('resolveSession', (t) =>
  t.field({
    type: ResolveSessionResult,
    description: 'Finds a session, or creates it under its key. Doing it again gives the same session.',
    args: { input: t.arg({ type: ResolveSessionInput, required: true, description: 'Which session.' }) },
    resolve: (_root, { input }, context) => perform(context, resolveSession(context.commands, context.viewer, input)),
  }),
);
