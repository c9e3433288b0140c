import { builder } from '../builder.ts';
import { notAvailable, present } from '../public-errors.ts';
import { defineResult } from '../refusals.ts';
import { ArtifactType } from './artifact.ts';
import { SessionType } from './session.ts';

// The types stand so that clients can be written against them; the commands behind them do not exist yet.

const BranchSessionInput = builder.inputType('BranchSessionInput', {
  description: 'Where to branch, and what to call the branch.',
  fields: (t) => ({
    sessionId: t.id({ required: true, description: 'The session to branch off.' }),
    runId: t.id({
      required: true,
      description: 'An ended run of the session, or of an ancestor that it can see.',
    }),
    seq: t.int({ description: "The last event that the branch sees; without it the run's last one." }),
    key: t.string({ description: 'Key of the new session; without it one is made.' }),
    title: t.string({ description: 'Title of the new session.' }),
  }),
});

const BranchSessionSuccess = builder
  .objectRef<{ kind: 'branched'; sessionId: string }>('BranchSessionSuccess')
  .implement({
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

const CompactSessionSuccess = builder
  .objectRef<{ kind: 'compacted'; stored: boolean }>('CompactSessionSuccess')
  .implement({
    description: 'What the summary is.',
    fields: (t) => ({
      artifact: t.field({
        type: ArtifactType,
        nullable: true,
        description: 'The summary; null where there was nothing worth compacting. Not stored when `dryRun` was set.',
        resolve: () => null,
      }),
      stored: t.exposeBoolean('stored', { description: 'Whether it was stored.' }),
    }),
  });

const CompactSessionResult = defineResult('CompactSessionResult', CompactSessionSuccess, ['not-found', 'session-busy']);

builder.mutationFields((t) => ({
  branchSession: t.field({
    type: BranchSessionResult,
    description:
      "A new session that sees the parent's history up to one position and nothing later. Copies nothing. Not available yet.",
    args: { input: t.arg({ type: BranchSessionInput, required: true, description: 'Where to branch.' }) },
    resolve() {
      throw notAvailable('`branchSession`');
    },
  }),
  compactSession: t.field({
    type: CompactSessionResult,
    description:
      'Summarises older history into an artifact. `dryRun` returns what would be stored and changes nothing. Not available yet.',
    args: { input: t.arg({ type: CompactSessionInput, required: true, description: 'Which session.' }) },
    resolve() {
      throw notAvailable('`compactSession`');
    },
  }),
}));
