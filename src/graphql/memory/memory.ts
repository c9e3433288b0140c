import { findMemories } from '../../application/memories.ts';
import { storableText } from '../../domain/storable-text.ts';
import { type MemoryRow, pageMemories } from '../../repositories/memory/memories.ts';
import { builder } from '../builder.ts';
import { defineConnection } from '../connection/connections.ts';
import {
  type Connection,
  connectionOf,
  type Edge,
  formatListCursor,
  pageArguments,
  pageSize,
} from '../connection/paging.ts';
import type { GraphqlContext } from '../context.ts';
import { Node } from '../node.ts';
import { badUserInput } from '../public-errors.ts';
import { SessionType } from '../session/session.ts';

export const MemoryType = builder.objectRef<MemoryRow>('Memory');

MemoryType.implement({
  description: 'A stored fact that models are shown where it fits the conversation.',
  interfaces: [Node],
  fields: (t) => ({
    text: t.exposeString('text', { description: 'The fact.' }),
    tags: t.exposeStringList('tags', { description: 'Words to file it under.' }),
    session: t.field({
      type: SessionType,
      nullable: true,
      description: 'Null where it belongs to the owner in every session.',
      resolve: ({ sessionId }, _args, { loaders }) => (sessionId === null ? null : loaders.session.load(sessionId)),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was stored.' }),
    updatedAt: t.expose('updatedAt', {
      type: 'DateTime',
      description: 'When it was last said: a fact that is known already is brought up to date.',
    }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'From when on it is shown no more; null for never.',
    }),
  }),
});

interface ScoredEdge extends Edge<MemoryRow> {
  score: number | null;
}

const MemoryEdge = builder.objectRef<ScoredEdge>('MemoryEdge').implement({
  description: 'One of the memories of a page, with its place in the list.',
  fields: (t) => ({
    cursor: t.exposeString('cursor', { description: 'Place in the list; goes into `after`.' }),
    node: t.expose('node', { type: MemoryType, description: 'The memory itself.' }),
    score: t.exposeFloat('score', {
      nullable: true,
      description: 'How well it fits next to the best one, between 0 and 1; null without a query.',
    }),
  }),
});

const MemoryConnection = defineConnection('Memory', 'memories', MemoryType, MemoryEdge);

interface MemoriesArguments {
  query?: string | null;
  sessionId?: string | null;
  first?: number | null;
  after?: string | null;
}

async function memoryPage(
  { commands, viewer }: GraphqlContext,
  { query, sessionId: session, first, after }: MemoriesArguments,
): Promise<Connection<ScoredEdge>> {
  const sessionId = session == null ? null : storableText(session);
  const edgeOf = (node: MemoryRow, score: number | null) => ({ cursor: formatListCursor(node.id), node, score });
  if (query == null) {
    const all = { owner: viewer.principal, sessionId, now: new Date(commands.now()) };
    const { rows, ...page } = await pageMemories(
      commands.database.reader,
      all,
      pageArguments('memory', { first, after }),
    );
    const edges = rows.map((row) => edgeOf(row, null));
    return connectionOf(edges, page);
  }
  if (after != null) {
    throw badUserInput(
      '`query` and `after` do not go together: a ranked answer is one page. Ask for more with `first`.',
    );
  }
  const found = await findMemories(commands, viewer, { query, sessionId, limit: pageSize({ first }).size });
  const edges = found.map(({ memory, score }) => edgeOf(memory, score));
  return connectionOf(edges, { hasNextPage: false, hasPreviousPage: false });
}

builder.queryField('memories', (t) =>
  t.field({
    type: MemoryConnection,
    description: "The viewer's memories that have not expired: ranked when `query` is given, newest first otherwise.",
    args: {
      query: t.arg.string({ description: 'Words to look for. The answer is one page, the best ones first.' }),
      sessionId: t.arg.id({ description: 'Only memories of this session and those of every session.' }),
      first: t.arg.int({ description: 'How many items: 1 to 100, 25 without it.' }),
      after: t.arg.string({ description: 'Only items behind this cursor. Not together with `query`.' }),
    },
    resolve: (_root, args, context) => memoryPage(context, args),
  }),
);
