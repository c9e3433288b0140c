import { type BranchedSession, branchSession } from '../../application/session/branch-session.ts';
import {
  archiveSession,
  type ChangedSession,
  type PurgedSession,
  purgeSession,
  updateSession,
} from '../../application/session/change-session.ts';
import { type CompactedSession, compactSession } from '../../application/session/compact-session.ts';
import { type ResolvedSession, resolveSession } from '../../application/session/resolve-session.ts';
import { builder } from '../builder.ts';
import { loadRequired } from '../loaders.ts';
import { METADATA_DESCRIPTION } from '../metadata.ts';
import { CompactionType, SessionType } from '../object-types.ts';
import { defineResult, idempotencyKeyDescription, perform } from '../refusals.ts';

const ResolveSessionInput = builder.inputType('ResolveSessionInput', {
  description: 'Names a session by id, by key, or by both, which must then belong to the same session.',
  fields: (t) => ({
    id: t.id({ description: 'Id of an existing session.' }),
    key: t.string({ description: 'Key of the session, which is created if it does not exist.' }),
    title: t.string({ description: 'Title of the session if it is created.' }),
    agentId: t.id({ description: 'Id of the agent of the session if it is created.' }),
    requireExisting: t.boolean({
      defaultValue: false,
      description: 'Whether to return NotFoundError instead of creating the session.',
    }),
    metadata: t.field({
      type: 'JSON',
      description: `Metadata of the session if it is created. ${METADATA_DESCRIPTION} A session that exists keeps its metadata.`,
    }),
    reset: t.boolean({
      defaultValue: false,
      description:
        'Whether to start from a clean context: earlier history stays on the tapes but is no longer shown to models.',
    }),
  }),
});

const ResolveSessionSuccess = builder.objectRef<ResolvedSession>('ResolveSessionSuccess').implement({
  description: 'The session exists.',
  fields: (t) => ({
    session: t.field({
      type: SessionType,
      description: 'The session.',
      resolve: ({ sessionId }, _args, { loaders }) => loadRequired(loaders, 'session', sessionId),
    }),
    created: t.exposeBoolean('created', { description: 'Whether this call created it.' }),
    reset: t.exposeBoolean('reset', { description: 'Whether this call reset its context.' }),
  }),
});

const ResolveSessionResult = defineResult('ResolveSessionResult', ResolveSessionSuccess, [
  'not-found',
  'conflict',
  'invalid-input',
  'limit-exceeded',
]);

const UpdateSessionInput = builder.inputType('UpdateSessionInput', {
  description: 'Changes to a session. Fields that are omitted or null stay unchanged.',
  fields: (t) => ({
    sessionId: t.id({ required: true, description: 'Id of the session.' }),
    title: t.string({ description: 'New title. A title set here is never replaced by one taken from a message.' }),
    agentId: t.id({ description: 'Id of the agent that answers from the next message on.' }),
    useCompaction: t.boolean({
      description:
        'Whether models are shown summaries in place of older history. If false, they are shown as much of the original history as fits, and no summaries are created.',
    }),
    metadata: t.field({
      type: 'JSON',
      description: `Merged into the metadata of the session; null as a value deletes the key. ${METADATA_DESCRIPTION}`,
    }),
  }),
});

const UpdateSessionSuccess = builder.objectRef<ChangedSession>('UpdateSessionSuccess').implement({
  description: 'The session was changed.',
  fields: (t) => ({
    session: t.field({
      type: SessionType,
      description: 'The changed session.',
      resolve: ({ sessionId }, _args, { loaders }) => loadRequired(loaders, 'session', sessionId),
    }),
  }),
});

const UpdateSessionResult = defineResult('UpdateSessionResult', UpdateSessionSuccess, ['not-found', 'invalid-input']);

const ArchiveSessionInput = builder.inputType('ArchiveSessionInput', {
  description: 'The session to archive.',
  fields: (t) => ({
    sessionId: t.id({ required: true, description: 'Id of a session whose runs have all ended.' }),
  }),
});

const ArchiveSessionSuccess = builder.objectRef<ChangedSession>('ArchiveSessionSuccess').implement({
  description: 'The session is archived.',
  fields: (t) => ({
    session: t.field({
      type: SessionType,
      description: 'The archived session.',
      resolve: ({ sessionId }, _args, { loaders }) => loadRequired(loaders, 'session', sessionId),
    }),
  }),
});

const ArchiveSessionResult = defineResult('ArchiveSessionResult', ArchiveSessionSuccess, ['not-found', 'session-busy']);

const PurgeSessionInput = builder.inputType('PurgeSessionInput', {
  description: 'The session to erase, with its key as a confirmation.',
  fields: (t) => ({
    sessionId: t.id({ required: true, description: 'Id of a session whose runs have all ended.' }),
    confirmKey: t.string({ required: true, description: "Must equal the session's key." }),
    withBranches: t.boolean({
      defaultValue: false,
      description:
        'Whether to erase its branches too, and their branches. If false, a session that has branches is not erased.',
    }),
  }),
});

const PurgeSessionSuccess = builder.objectRef<PurgedSession>('PurgeSessionSuccess').implement({
  description: 'The session was erased.',
  fields: (t) => ({
    purgedSessionId: t.id({ description: 'Id of the erased session.', resolve: ({ sessionId }) => sessionId }),
    purgedRuns: t.int({ description: 'Number of runs that were erased.', resolve: ({ runs }) => runs }),
  }),
});

const PurgeSessionResult = defineResult('PurgeSessionResult', PurgeSessionSuccess, [
  'not-found',
  'conflict',
  'session-busy',
]);

const BranchSessionInput = builder.inputType('BranchSessionInput', {
  description: 'Where to branch, with key and title of the branch.',
  fields: (t) => ({
    sessionId: t.id({ required: true, description: 'Id of the session to branch from.' }),
    runId: t.id({
      required: true,
      description: 'Id of a run that has ended: of the session, or of an ancestor whose history it sees.',
    }),
    seq: t.int({
      description:
        "Seq of the last event that the branch sees. It is rounded down to the end of a message, so that no call is separated from its result. Defaults to the run's last event.",
    }),
    key: t.string({ description: 'Key of the new session; generated if omitted.' }),
    title: t.string({ description: 'Title of the new session.' }),
    idempotencyKey: t.string({ description: idempotencyKeyDescription }),
  }),
});

const BranchSessionSuccess = builder.objectRef<BranchedSession>('BranchSessionSuccess').implement({
  description: 'The branch was created.',
  fields: (t) => ({
    session: t.field({
      type: SessionType,
      description: 'The new session.',
      resolve: ({ sessionId }, _args, { loaders }) => loadRequired(loaders, 'session', sessionId),
    }),
  }),
});

const BranchSessionResult = defineResult('BranchSessionResult', BranchSessionSuccess, [
  'not-found',
  'conflict',
  'invalid-input',
  'invalid-transition',
  'limit-exceeded',
]);

const CompactSessionInput = builder.inputType('CompactSessionInput', {
  description: 'The session to compact.',
  fields: (t) => ({
    sessionId: t.id({ required: true, description: 'Id of a session whose runs have all ended.' }),
    dryRun: t.boolean({ defaultValue: false, description: 'Whether to return the summary without storing it.' }),
    idempotencyKey: t.string({ description: idempotencyKeyDescription }),
  }),
});

const CompactSessionSuccess = builder.objectRef<CompactedSession>('CompactSessionSuccess').implement({
  description: 'The summary, or why there is none.',
  fields: (t) => ({
    artifact: t.field({
      type: CompactionType,
      nullable: true,
      description: 'The summary; null if there was nothing worth compacting. Not stored if `dryRun` was set.',
      resolve: ({ compaction }) => compaction,
    }),
    reason: t.exposeString('reason', {
      nullable: true,
      description: 'Why there is no summary; null if there is one.',
    }),
    stored: t.exposeBoolean('stored', { description: 'Whether the summary was stored.' }),
  }),
});

const CompactSessionResult = defineResult('CompactSessionResult', CompactSessionSuccess, [
  'not-found',
  'conflict',
  'invalid-input',
  'session-busy',
]);

builder.mutationFields((t) => ({
  resolveSession: t.field({
    type: ResolveSessionResult,
    description:
      'Finds a session, or creates it under its key. Idempotent: repeating the call returns the same session.',
    args: { input: t.arg({ type: ResolveSessionInput, required: true, description: 'The session to find.' }) },
    resolve: (_root, { input }, context) => perform(context, resolveSession(context.commands, context.viewer, input)),
  }),
  updateSession: t.field({
    type: UpdateSessionResult,
    description: 'Changes title, agent or use of summaries of a session.',
    args: { input: t.arg({ type: UpdateSessionInput, required: true, description: 'The changes.' }) },
    resolve: (_root, { input }, context) => perform(context, updateSession(context.commands, context.viewer, input)),
  }),
  archiveSession: t.field({
    type: ArchiveSessionResult,
    description: 'Hides a session and frees its key. Its tapes are kept. Idempotent.',
    args: { input: t.arg({ type: ArchiveSessionInput, required: true, description: 'The session to archive.' }) },
    resolve: (_root, { input }, context) => perform(context, archiveSession(context.commands, context.viewer, input)),
  }),
  purgeSession: t.field({
    type: PurgeSessionResult,
    description:
      'Permanently erases a session with its runs, tapes, approvals, summaries and the memories that belong to it alone.',
    args: { input: t.arg({ type: PurgeSessionInput, required: true, description: 'The session to erase.' }) },
    resolve: (_root, { input }, context) => perform(context, purgeSession(context.commands, context.viewer, input)),
  }),
  branchSession: t.field({
    type: BranchSessionResult,
    description:
      "Creates a session that sees the parent's history up to one position, and nothing later. Nothing is copied.",
    args: { input: t.arg({ type: BranchSessionInput, required: true, description: 'Where to branch.' }) },
    resolve: (_root, { input }, context) => perform(context, branchSession(context.commands, context.viewer, input)),
  }),
  compactSession: t.field({
    type: CompactSessionResult,
    description:
      'Summarises older history and stores the summary. With `dryRun`, returns what would be stored and changes nothing.',
    args: { input: t.arg({ type: CompactSessionInput, required: true, description: 'The session to compact.' }) },
    resolve: (_root, { input }, context) =>
      perform(context, compactSession(context.commands, context.viewer, input, context.signal)),
  }),
}));
