import { findMemories } from '../../application/memories.ts';
import { storableText } from '../../domain/storable-text.ts';
import { type MemoryRow, pageMemories } from '../../repositories/memories.ts';
import { builder } from '../builder.ts';
import { CURSOR_DESCRIPTION, connectionArguments, defineConnection } from '../connection/connections.ts';
import {
  type Connection,
  type ConnectionArguments,
  connectionOf,
  type Edge,
  formatIdCursor,
  pageArguments,
  pageSize,
} from '../connection/paging.ts';
import type { GraphqlContext } from '../context.ts';
import { Node } from '../node.ts';
import { MemoryType, SessionType } from '../object-types.ts';
import { badUserInput } from '../public-errors.ts';

MemoryType.implement({
  description: 'A stored fact that models are shown when it is relevant to the conversation.',
  interfaces: [Node],
  fields: (t) => ({
    text: t.exposeString('text', { description: 'The fact.' }),
    tags: t.exposeStringList('tags', { description: 'Its tags.' }),
    session: t.field({
      type: SessionType,
      nullable: true,
      description: 'The session in which it is used; null if it is used in all sessions of its owner.',
      resolve: ({ sessionId }, _args, { loaders }) => (sessionId === null ? null : loaders.session.load(sessionId)),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was first stored.' }),
    updatedAt: t.expose('updatedAt', {
      type: 'DateTime',
      description: 'When it was last stored; storing the same fact again updates the memory.',
    }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it expires and is no longer used; null if it does not expire.',
    }),
  }),
});

interface ScoredEdge extends Edge<MemoryRow> {
  score: number | null;
}

const MemoryEdge = builder.objectRef<ScoredEdge>('MemoryEdge').implement({
  description: 'An item of a page of memories, with its cursor.',
  fields: (t) => ({
    cursor: t.exposeString('cursor', { description: CURSOR_DESCRIPTION }),
    node: t.expose('node', { type: MemoryType, description: 'The item.' }),
    score: t.exposeFloat('score', {
      nullable: true,
      description: 'Relevance from 0 to 1, relative to the best result; null without `query`.',
    }),
  }),
});

const MemoryConnection = defineConnection('Memory', 'memories', MemoryType, MemoryEdge);

interface MemoriesArguments extends ConnectionArguments {
  query?: string | null;
  sessionId?: string | null;
}

async function memoryPage(
  context: GraphqlContext,
  { query, sessionId, ...page }: MemoriesArguments,
): Promise<Connection<ScoredEdge>> {
  const { commands, viewer } = context;
  const storedSessionId = sessionId == null ? null : storableText(sessionId);
  if (query == null) {
    const filter = { owner: viewer.principal, sessionId: storedSessionId, now: new Date(commands.now()) };
    const { rows, ...position } = await pageMemories(commands.database.reader, filter, pageArguments('memory', page));
    const edges = rows.map((row) => edgeOf(row, null));
    return connectionOf(edges, position);
  }
  const { first, ...others } = page;
  const [other] = Object.entries(others).find(([, value]) => value != null) ?? [];
  if (other !== undefined) {
    throw badUserInput(
      `\`query\` and \`${other}\` cannot be combined, because ranked results have one page. Use \`first\` to get more of them.`,
    );
  }
  const search = { query, sessionId: storedSessionId, limit: pageSize({ first }).size };
  const edges = (await findMemories(commands, viewer, search)).map(({ memory, score }) => edgeOf(memory, score));
  return connectionOf(edges, { hasNextPage: false, hasPreviousPage: false });
}

const edgeOf = (node: MemoryRow, score: number | null) => ({ cursor: formatIdCursor(node.id), node, score });

builder.queryField('memories', (t) =>
  t.field({
    type: MemoryConnection,
    description:
      "The viewer's memories that have not expired: newest first, or with `query` one page of results, the most relevant first, for which only `first` may be given.",
    args: {
      query: t.arg.string({ description: 'Words to search for.' }),
      sessionId: t.arg.id({ description: 'Only memories of this session and those for all sessions.' }),
      ...connectionArguments,
    },
    resolve: (_root, args, context) => memoryPage(context, args),
  }),
);
