import { storableText } from '../../domain/storable-text.ts';
import { kindOfId } from '../../ids.ts';
import { type RankedPosition, searchSessions } from '../../repositories/conversation-search.ts';
import {
  type ActivityPosition,
  pageActiveSessions,
  pageSessions,
  type SessionRow,
  type SessionsQuery,
} from '../../repositories/sessions.ts';
import {
  type Connection,
  type ConnectionArguments,
  connectionOf,
  connectionOfRows,
  createCursorFormat,
  type Edge,
  invalidCursor,
  pageArguments,
  parsePage,
} from '../connection/paging.ts';
import type { GraphqlContext } from '../context.ts';

/** An edge of a list of sessions. */
export interface ListedSession extends Edge<SessionRow> {
  /** Excerpt around the best match; absent without a search. */
  snippet?: string;
}

type SessionPage = Promise<Connection<ListedSession>>;

/** Newest session first. */
export async function listSessionsByCreation(
  { commands: { database } }: GraphqlContext,
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
  return connectionOfRows(await pageSessions(database.reader, query, pageArguments('session', args)));
}

/** Most recently active session first. */
export async function listSessionsByActivity(
  { commands: { database } }: GraphqlContext,
  query: SessionsQuery,
  args: ConnectionArguments,
): SessionPage {
  const problem =
    'is not a cursor of a list with `orderBy: LAST_ACTIVITY`. Use a cursor that a list in this order returned.';
  const { rows, ...page } = await pageActiveSessions(database.reader, query, parsePage(args, activityCursors, problem));
  const edges = rows.map((node) => ({ cursor: activityCursors.format(node), node }));
  return connectionOf(edges, page);
}

/** Best match first. */
export async function searchSessionPage(
  { commands: { database, now } }: GraphqlContext,
  query: SessionsQuery,
  search: string,
  args: ConnectionArguments,
): SessionPage {
  const problem = 'is not a cursor of a search. Use a cursor that this search returned.';
  const { rows, ...page } = await searchSessions(
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
  return connectionOf(edges, page);
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
