import { pageCompactions } from '../../repositories/compactions.ts';
import type { SessionRow } from '../../repositories/sessions.ts';
import { pageSessions } from '../../repositories/sessions.ts';
import { AgentType } from '../agent/agent.ts';
import { GrantType } from '../approval/grant.ts';
import { builder } from '../builder.ts';
import { connectionArguments, defineConnection } from '../connection/connections.ts';
import { connectionOfRows, type Edge, emptyConnection, pageArguments } from '../connection/paging.ts';
import { Node } from '../node.ts';
import { present } from '../public-errors.ts';
import { RunConnection, RunType } from '../run/run.ts';
import { RunFilter, runPage } from '../run/run-page.ts';
import { Usage } from '../run/usage.ts';
import { CompactionArtifactConnection } from './compaction-artifact.ts';

interface BranchPointOfSession {
  runId: string;
  seq: number;
}

const BranchPoint = builder.objectRef<BranchPointOfSession>('BranchPoint').implement({
  description: 'Up to where a branch sees the history of its parent.',
  fields: (t) => ({
    run: t.field({
      type: RunType,
      description: 'The last run that it sees.',
      resolve: ({ runId: id }, _args, { loaders }) => present(loaders.run.load(id), 'run', id),
    }),
    seq: t.exposeInt('seq', { description: 'The last event of that run that it sees.' }),
  }),
});

export const SessionType = builder.objectRef<SessionRow>('Session');

/** Found by a search, it shows where. */
export interface ListedSession extends Edge<SessionRow> {
  snippet?: string;
}

const SessionEdge = builder.objectRef<ListedSession>('SessionEdge').implement({
  description: 'One of the sessions of a page, with its place in the list.',
  fields: (t) => ({
    cursor: t.exposeString('cursor', { description: 'Place in the list; goes into `after` or `before`.' }),
    node: t.expose('node', { type: SessionType, description: 'The session itself.' }),
    snippet: t.string({
      nullable: true,
      description:
        'Plain text around what a search found best in the session, with «marks» around its words. Null without a search.',
      resolve: ({ snippet }) => snippet ?? null,
    }),
  }),
});

export const SessionConnection = defineConnection('Session', 'sessions', SessionType, SessionEdge);

SessionType.implement({
  description: 'A conversation; runs in it follow one another and see what was said before.',
  interfaces: [Node],
  fields: (t) => ({
    key: t.exposeString('key', {
      description: "Chosen by the caller; unique among the caller's sessions that are not archived.",
    }),
    title: t.exposeString('title', {
      nullable: true,
      description: 'Given by hand, or else made of the first message; null before that.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was created.' }),
    lastActivityAt: t.field({
      type: 'DateTime',
      description: 'When its newest event was recorded; when it was created, where there is none.',
      resolve: async ({ id, activeAt }, _args, { loaders }) =>
        new Date(Math.max(activeAt.getTime(), (await loaders.lastActivity.load(id)) ?? 0)),
    }),
    archivedAt: t.expose('archivedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was archived; null while it is in use.',
    }),
    useCompaction: t.exposeBoolean('useCompaction', {
      description: 'Whether summaries stand for older history when models are shown it.',
    }),
    usage: t.field({
      type: Usage,
      description: 'What all its runs used together.',
      resolve: ({ id }, _args, { loaders }) => loaders.usage.load(id),
    }),
  }),
});

/** What it leads to. */
builder.objectFields(SessionType, (t) => ({
  agent: t.field({
    type: AgentType,
    nullable: true,
    description: 'The agent that answers in it; null where that is the default one.',
    resolve: ({ agentId }, _args, { loaders }) => (agentId === null ? null : loaders.agent.load(agentId)),
  }),
  parent: t.field({
    type: SessionType,
    nullable: true,
    description: 'The session that it was branched off.',
    resolve: ({ parentId }, _args, { loaders }) => (parentId === null ? null : loaders.session.load(parentId)),
  }),
  branchPoint: t.field({
    type: BranchPoint,
    nullable: true,
    description: 'Where it was branched off its parent.',
    resolve: ({ branchRunId: runId, branchSeq: seq }) => (runId === null || seq === null ? null : { runId, seq }),
  }),
  branches: t.field({
    type: SessionConnection,
    description: 'Sessions that were branched off it and are not archived, newest first.',
    args: connectionArguments,
    resolve: async ({ id: parentId, owner }, args, { commands }) => {
      const query = { owner, includeArchived: false, parentId };
      return connectionOfRows(await pageSessions(commands.database.reader, query, pageArguments('session', args)));
    },
  }),
  activeRun: t.field({
    type: RunType,
    nullable: true,
    description: 'The run that is at work or waits for an approval; null where there is none.',
    resolve: ({ id }, _args, { loaders }) => loaders.activeRun.load(id),
  }),
  lastRun: t.field({
    type: RunType,
    nullable: true,
    description: 'The newest run, in whatever state; null before the first message.',
    resolve: ({ id }, _args, { loaders }) => loaders.lastRun.load(id),
  }),
  runs: t.field({
    type: RunConnection,
    description: 'Its runs, newest first.',
    args: {
      ...connectionArguments,
      filter: t.arg({ type: RunFilter, description: 'Which of its runs; all of them without it.' }),
    },
    resolve: ({ id: sessionId }, { filter, ...args }, context) => {
      const isOther = filter?.sessionId != null && filter.sessionId !== sessionId;
      return isOther ? emptyConnection : runPage(context, { ...args, filter: { ...filter, sessionId } });
    },
  }),
  compactions: t.field({
    type: CompactionArtifactConnection,
    description: 'Summaries of its older history, newest first.',
    args: connectionArguments,
    resolve: async ({ id }, args, { commands }) =>
      connectionOfRows(await pageCompactions(commands.database.reader, id, pageArguments('artifact', args))),
  }),
  grants: t.field({
    type: [GrantType],
    description: 'Remembered approvals in force, oldest first.',
    resolve: ({ id }, _args, { loaders }) => loaders.grants.load(id),
  }),
}));
