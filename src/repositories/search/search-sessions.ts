import type { Database } from '../../database/database.ts';
import type { PageArguments } from '../../domain/page.ts';
import { type SessionRow, sessionsByIds } from '../sessions.ts';
import { type ConversationsQuery, type Hit, searchConversations, snippetsOf } from './conversations.ts';

/** Where a session stood in a ranked list. */
export interface RankedPosition {
  id: string;
  /** 0 is the best. */
  rank: number;
}

export type RankedPageArguments = Pick<PageArguments, 'size' | 'from'> & {
  after: RankedPosition | null;
  before: RankedPosition | null;
};

export interface RankedSessions {
  rows: { session: SessionRow; rank: number; snippet: string }[];
  hasNextPage: boolean;
  hasPreviousPage: boolean;
}

/**
 * Sessions in which words of `text` are found, the best first, each once. The list is ranked anew for each page; a page begins
 * behind the session of its cursor wherever that stands now, and where it stood when the session is found no more.
 */
export async function searchSessions(
  database: Database,
  query: ConversationsQuery,
  text: string,
  page: RankedPageArguments,
): Promise<RankedSessions> {
  const found = await searchConversations(database, query, text);
  if (found === null) return { rows: [], hasNextPage: false, hasPreviousPage: false };
  const best = bestOfEach(found.hits);
  const { low, high } = rangeOf(best, page);
  const hits = best.slice(low, high);
  const sessions = await sessionsByIds(
    database,
    query.owner,
    hits.map(({ sessionId }) => sessionId),
  );
  const byId = new Map(sessions.map((session) => [session.id, session]));
  const snippets = await snippetsOf(database.reader, found.question, hits);
  const rows = hits.flatMap(({ sessionId }, index) => {
    const session = byId.get(sessionId);
    return session ? { session, rank: low + index, snippet: snippets[index] ?? '' } : [];
  });
  return { rows, hasNextPage: high < best.length, hasPreviousPage: low > 0 };
}

function bestOfEach(hits: readonly Hit[]): Hit[] {
  const best = new Map<string, Hit>();
  for (const hit of hits) if (!best.has(hit.sessionId)) best.set(hit.sessionId, hit);
  return [...best.values()];
}

function rangeOf(list: readonly Hit[], { size, from, after, before }: RankedPageArguments) {
  const placeOf = ({ id }: RankedPosition) => list.findIndex(({ sessionId }) => sessionId === id);
  const start = after === null ? 0 : placeOf(after) === -1 ? after.rank : placeOf(after) + 1;
  const end = before === null ? list.length : placeOf(before) === -1 ? before.rank : placeOf(before);
  const low = Math.min(start, list.length);
  const high = Math.max(low, Math.min(end, list.length));
  return from === 'start' ? { low, high: Math.min(high, low + size) } : { low: Math.max(low, high - size), high };
}
