import { storableText } from '../../domain/storable-text.ts';
import { searchSessions } from '../../repositories/search/search-sessions.ts';
import { type SessionsQuery, sessionByKey } from '../../repositories/sessions.ts';
import { builder } from '../builder.ts';
import { connectionArguments } from '../connection/connections.ts';
import { type Connection, type ConnectionArguments, connectionOf } from '../connection/paging.ts';
import { formatRankedCursor, rankedPageArguments } from '../connection/ranked-paging.ts';
import type { GraphqlContext } from '../context.ts';
import { badUserInput } from '../public-errors.ts';
import { type ListedSession, SessionConnection, SessionType } from './session.ts';
import { orderedSessions, SessionOrder } from './session-order.ts';

const SessionFilter = builder.inputType('SessionFilter', {
  description: 'Which sessions a list shows; all conditions hold together.',
  fields: (t) => ({
    includeArchived: t.boolean({ defaultValue: false, description: 'Whether archived sessions are shown too.' }),
    search: t.string({
      description:
        'Words to look for in titles, messages and answers: sessions that hold all of them, or else some, the best first. The last word may be the beginning of one. A cursor goes on behind its session wherever that stands now.',
    }),
    agentId: t.id({ description: 'Only sessions of this agent.' }),
  }),
});

async function searchPage(
  { commands: { database, now } }: GraphqlContext,
  query: SessionsQuery,
  search: string,
  args: ConnectionArguments,
): Promise<Connection<ListedSession>> {
  const asked = { ...query, now: now() };
  const { rows, ...page } = await searchSessions(
    database,
    asked,
    storableText(search),
    rankedPageArguments('session', args),
  );
  const edges = rows.map(({ session: node, rank, snippet }) => ({
    cursor: formatRankedCursor({ id: node.id, rank }),
    node,
    snippet,
  }));
  return connectionOf(edges, page);
}

builder.queryFields((t) => ({
  session: t.field({
    type: SessionType,
    nullable: true,
    description: 'One session, by its id or by its key; exactly one of them is given. Null where there is none.',
    args: {
      id: t.arg.id({ description: 'Id of the session.' }),
      key: t.arg.string({ description: 'Key of a session that is not archived.' }),
    },
    resolve(_root, { id, key }, { loaders, commands, viewer }) {
      if (id != null && key == null) return loaders.session.load(id);
      if (id == null && key != null) {
        return sessionByKey(commands.database, viewer.principal, storableText(key));
      }
      throw badUserInput('`session` takes `id` or `key`: give exactly one of them.');
    },
  }),
  sessions: t.field({
    type: SessionConnection,
    description:
      "The viewer's sessions, newest first unless `orderBy` says otherwise, or the best first where `search` is given.",
    args: {
      ...connectionArguments,
      filter: t.arg({ type: SessionFilter, description: 'Which sessions; without it all that are not archived.' }),
      orderBy: t.arg({
        type: SessionOrder,
        description: 'Which sessions come first; without it those that were created last. Not together with `search`.',
      }),
    },
    resolve: (_root, { filter, orderBy, ...args }, context) => {
      const { viewer } = context;
      const query = {
        owner: viewer.principal,
        includeArchived: filter?.includeArchived ?? false,
        agentId: filter?.agentId == null ? undefined : storableText(filter.agentId),
      };
      if (filter?.search == null) return orderedSessions(context, query, orderBy ?? 'CREATED', args);
      if (orderBy == null) return searchPage(context, query, filter.search, args);
      throw badUserInput('`orderBy` and `search` do not go together: a search puts first what fits best.');
    },
  }),
}));
