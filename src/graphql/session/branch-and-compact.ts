import { type BranchedSession, branchSession } from '../../application/session/branch-session.ts';
import { type CompactedSession, compactSession } from '../../application/session/compact-session.ts';
import { builder } from '../builder.ts';
import { present } from '../public-errors.ts';
import { defineResult, perform } from '../refusals.ts';
import { CompactionArtifactType } from './compaction-artifact.ts';
import { SessionType } from './session.ts';

const BranchSessionInput = builder.inputType('BranchSessionInput', {
  description: 'Where to branch, and what to call the branch.',
  fields: (t) => ({
    sessionId: t.id({ required: true, description: 'The session to branch off.' }),
    runId: t.id({
      required: true,
      description: 'An ended run of the session, or of an ancestor that it can see.',
    }),
    seq: t.int({
      description:
        'The last event that the branch sees; rounded down to the end of a message, so that no call is without its result. ' +
        "Without it the run's last one.",
    }),
    key: t.string({ description: 'Key of the new session; without it one is made.' }),
    title: t.string({ description: 'Title of the new session.' }),
  }),
});

const BranchSessionSuccess = builder.objectRef<BranchedSession>('BranchSessionSuccess').implement({
  description: 'The branch exists.',
  fields: (t) => ({
    session: t.field({
      type: SessionType,
      description: 'The new session.',
      resolve: ({ sessionId: id }, _args, { loaders }) => present(loaders.session.load(id), 'session', id),
    }),
  }),
});

const BranchSessionResult = defineResult('BranchSessionResult', BranchSessionSuccess, [
  'not-found',
  'conflict',
  'invalid-input',
  'invalid-transition',
]);

const CompactSessionInput = builder.inputType('CompactSessionInput', {
  description: 'Which session to compact.',
  fields: (t) => ({
    sessionId: t.id({ required: true, description: 'A session without a run that is open.' }),
    dryRun: t.boolean({ defaultValue: false, description: 'Return what would be stored and change nothing.' }),
  }),
});

const CompactSessionSuccess = builder.objectRef<CompactedSession>('CompactSessionSuccess').implement({
  description: 'What the summary is.',
  fields: (t) => ({
    artifact: t.field({
      type: CompactionArtifactType,
      nullable: true,
      description: 'The summary; null where there was nothing worth compacting. Not stored when `dryRun` was set.',
      resolve: ({ compaction }) => compaction,
    }),
    reason: t.exposeString('reason', {
      nullable: true,
      description: 'Why there is no summary; null where there is one.',
    }),
    stored: t.exposeBoolean('stored', { description: 'Whether it was stored.' }),
  }),
});

const CompactSessionResult = defineResult('CompactSessionResult', CompactSessionSuccess, ['not-found', 'session-busy']);

builder.mutationFields((t) => ({
  branchSession: t.field({
    type: BranchSessionResult,
    description: "A new session that sees the parent's history up to one position and nothing later. Copies nothing.",
    args: { input: t.arg({ type: BranchSessionInput, required: true, description: 'Where to branch.' }) },
    resolve: (_root, { input }, context) => perform(context, branchSession(context.commands, context.viewer, input)),
  }),
  compactSession: t.field({
    type: CompactSessionResult,
    description:
      'Summarises older history into an artifact. `dryRun` returns what would be stored and changes nothing.',
    args: { input: t.arg({ type: CompactSessionInput, required: true, description: 'Which session.' }) },
    resolve: (_root, { input }, context) =>
      perform(context, compactSession(context.commands, context.viewer, input, context.signal)),
  }),
}));
