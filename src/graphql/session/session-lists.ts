import { storableText } from '../../domain/storable-text.ts';
import { kindOfId } from '../../ids.ts';
import { type RankedPosition, searchSessions } from '../../repositories/conversation-search.ts';
import {
  type ActivityPosition,
  countSessions,
  pageActiveSessions,
  pageSessions,
  type SessionsQuery,
} from '../../repositories/session-lists.ts';
import type { SessionRow } from '../../repositories/sessions.ts';
import {
  type ConnectionArguments,
  connectionOf,
  connectionOfRows,
  createCursorFormat,
  type Edge,
  invalidCursor,
  pageArguments,
  parsePage,
} from '../connection/paging.ts';
import { type CountedConnection, withCount } from '../connection/total-count.ts';
import type { GraphqlContext } from '../context.ts';

/** An edge of a list of sessions. */
export interface ListedSession extends Edge<SessionRow> {
  /** Excerpt around the best match; absent without a search. */
  snippet?: string;
}

type SessionPage = Promise<CountedConnection<ListedSession>>;

/** Adds the count of all sessions that the query selects. */
const withSessionCount = ({ commands: { database, settings } }: GraphqlContext, query: SessionsQuery) =>
  withCount<ListedSession>(settings.countedItems, (maximum) => countSessions(database, query, maximum));

/** Newest session first. */
export async function listSessionsByCreation(
  context: GraphqlContext,
  query: SessionsQuery,
  args: ConnectionArguments,
): SessionPage {
  for (const cursor of [args.after, args.before]) {
    if (cursor != null && activityCursors.parse(cursor) !== null) {
      throw invalidCursor(
        cursor,
        'is a cursor of a list with `orderBy: LAST_ACTIVITY`. Keep that order, or omit the cursor.',
      );
    }
  }
  const page = await pageSessions(context.commands.database, query, pageArguments('session', args));
  return withSessionCount(context, query)(connectionOfRows(page));
}

/** Most recently active session first. */
export async function listSessionsByActivity(
  context: GraphqlContext,
  query: SessionsQuery,
  args: ConnectionArguments,
): SessionPage {
  const problem =
    'is not a cursor of a list with `orderBy: LAST_ACTIVITY`. Use a cursor that a list in this order returned.';
  const pageArgs = parsePage(args, activityCursors, problem);
  const { rows, ...page } = await pageActiveSessions(context.commands.database, query, pageArgs);
  const edges = rows.map((node) => ({ cursor: activityCursors.format(node), node }));
  return withSessionCount(context, query)(connectionOf(edges, page));
}

/** Best match first. */
export async function searchSessionPage(
  { commands: { database, now, settings } }: GraphqlContext,
  query: SessionsQuery,
  search: string,
  args: ConnectionArguments,
): SessionPage {
  const problem = 'is not a cursor of a search. Use a cursor that this search returned.';
  const { rows, count, ...page } = await searchSessions(
    database,
    { ...query, now: now() },
    storableText(search),
    parsePage(args, rankCursors, problem),
  );
  const edges = rows.map(({ session: node, rank, snippet }) => ({
    cursor: rankCursors.format({ id: node.id, rank }),
    node,
    snippet,
  }));
  return withCount<ListedSession>(settings.countedItems, async () => count)(connectionOf(edges, page));
}

/** Position of a session in the order of activity when it was listed. */
const activityCursors = createCursorFormat<ActivityPosition>(
  ({ activeAt, id }) => `active:${activeAt.getTime()}:${id}`,
  (text) => {
    const [, time, id = ''] = /^active:(\d{1,15}):(.+)$/.exec(text) ?? [];
    return time === undefined || kindOfId(id) !== 'session' ? null : { activeAt: new Date(Number(time)), id };
  },
);

/** Position of a session in a search result when it was listed; each page ranks the sessions again. */
const rankCursors = createCursorFormat<RankedPosition>(
  ({ id, rank }) => `${rank}:${id}`,
  (text) => {
    const [, rank, id = ''] = /^(\d{1,9}):(.+)$/.exec(text) ?? [];
    return rank === undefined || kindOfId(id) !== 'session' ? null : { id, rank: Number(rank) };
  },
);
