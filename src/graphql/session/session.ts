import { readMetadata } from '../../domain/metadata.ts';
import { pageCompactions } from '../../repositories/compactions.ts';
import { builder } from '../builder.ts';
import { CURSOR_DESCRIPTION, connectionArguments, defineCountedConnection } from '../connection/connections.ts';
import { connectionOfRows, pageArguments } from '../connection/paging.ts';
import { emptyList } from '../connection/total-count.ts';
import { loadRequired } from '../loaders.ts';
import { Node } from '../node.ts';
import { AgentType, GrantType, RunType, SessionType } from '../object-types.ts';
import { RunConnection } from '../run/run.ts';
import { RunFilter, runPage } from '../run/run-queries.ts';
import { Usage } from '../run/usage.ts';
import { CompactionConnection } from './compaction.ts';
import { type ListedSession, listSessionsByCreation } from './session-lists.ts';

const BranchPoint = builder.objectRef<{ runId: string; seq: number }>('BranchPoint').implement({
  description: "The end of the part of its parent's history that a branch sees.",
  fields: (t) => ({
    run: t.field({
      type: RunType,
      description: 'The last run that the branch sees.',
      resolve: ({ runId }, _args, { loaders }) => loadRequired(loaders, 'run', runId),
    }),
    seq: t.exposeInt('seq', { description: 'Seq of the last event of that run that the branch sees.' }),
  }),
});

const SessionEdge = builder.objectRef<ListedSession>('SessionEdge').implement({
  description: 'An item of a page of sessions, with its cursor.',
  fields: (t) => ({
    cursor: t.exposeString('cursor', { description: CURSOR_DESCRIPTION }),
    node: t.expose('node', { type: SessionType, description: 'The item.' }),
    snippet: t.string({
      nullable: true,
      description:
        'Plain-text excerpt around the best match of a search, with « and » around the matched words. Null without a search.',
      resolve: ({ snippet }) => snippet ?? null,
    }),
  }),
});

export const SessionConnection = defineCountedConnection('Session', 'sessions', SessionType, SessionEdge);

SessionType.implement({
  description: 'A conversation. Its runs follow one another, and each sees what was said before.',
  interfaces: [Node],
  fields: (t) => ({
    key: t.exposeString('key', {
      description: "Key chosen by the caller, unique among the caller's sessions that are not archived.",
    }),
    title: t.exposeString('title', {
      nullable: true,
      description: 'Title set by the caller, otherwise taken from the first message; null until there is one.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was created.' }),
    lastActivityAt: t.field({
      type: 'DateTime',
      description: 'When its newest event was recorded; when it was created, if it has no events.',
      resolve: async ({ id, activeAt }, _args, { loaders }) =>
        new Date(Math.max(activeAt.getTime(), (await loaders.lastActivity.load(id)) ?? 0)),
    }),
    archivedAt: t.expose('archivedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was archived; null if it is not archived.',
    }),
    useCompaction: t.exposeBoolean('useCompaction', {
      description: 'Whether models are shown summaries in place of older history.',
    }),
    metadata: t.field({
      type: 'JSON',
      description: 'Its metadata, an object of strings; empty if it has none.',
      resolve: ({ metadata }) => readMetadata(metadata),
    }),
    usage: t.field({
      type: Usage,
      description: 'Total usage of all its runs.',
      resolve: ({ id }, _args, { loaders }) => loaders.usage.load(id),
    }),
  }),
});

/** Fields that lead to other objects. */
builder.objectFields(SessionType, (t) => ({
  agent: t.field({
    type: AgentType,
    nullable: true,
    description: 'The agent chosen for the session; null if it uses the default agent.',
    resolve: ({ agentId }, _args, { loaders }) => (agentId === null ? null : loaders.agent.load(agentId)),
  }),
  parent: t.field({
    type: SessionType,
    nullable: true,
    description: 'The session that it was branched from; null if it is not a branch.',
    resolve: ({ parentId }, _args, { loaders }) => (parentId === null ? null : loaders.session.load(parentId)),
  }),
  branchPoint: t.field({
    type: BranchPoint,
    nullable: true,
    description: 'Where it was branched from its parent; null if it is not a branch.',
    resolve: ({ branchRunId: runId, branchSeq: seq }) => (runId === null || seq === null ? null : { runId, seq }),
  }),
  branches: t.field({
    type: SessionConnection,
    description: 'Sessions that were branched from it and are not archived, newest first.',
    args: connectionArguments,
    resolve: ({ id: parentId, owner }, args, context) =>
      listSessionsByCreation(context, { owner, includeArchived: false, parentId }, args),
  }),
  activeRun: t.field({
    type: RunType,
    nullable: true,
    description: 'The run that is IN_PROGRESS or AWAITING_APPROVAL; null if there is none.',
    resolve: ({ id }, _args, { loaders }) => loaders.activeRun.load(id),
  }),
  lastRun: t.field({
    type: RunType,
    nullable: true,
    description: 'The newest run, in any state; null before the first message.',
    resolve: ({ id }, _args, { loaders }) => loaders.lastRun.load(id),
  }),
  runs: t.field({
    type: RunConnection,
    description: 'Its runs, newest first.',
    args: {
      ...connectionArguments,
      filter: t.arg({ type: RunFilter, description: 'Which runs to list; all if omitted.' }),
    },
    resolve: ({ id: sessionId }, { filter, ...args }, context) => {
      const isOtherSession = filter?.sessionId != null && filter.sessionId !== sessionId;
      return isOtherSession ? emptyList : runPage(context, { ...args, filter: { ...filter, sessionId } });
    },
  }),
  compactions: t.field({
    type: CompactionConnection,
    description: 'Summaries of its older history, newest first.',
    args: connectionArguments,
    resolve: async ({ id }, args, { commands }) =>
      connectionOfRows(await pageCompactions(commands.database.reader, id, pageArguments('compaction', args))),
  }),
  grants: t.field({
    type: [GrantType],
    description: 'Remembered approvals in force, oldest first.',
    resolve: ({ id }, _args, { loaders }) => loaders.grants.load(id),
  }),
}));
