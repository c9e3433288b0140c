import type { Database } from '../../database/database.ts';
import { timeOfId } from '../../ids.ts';
import { sessionsByIds } from '../sessions.ts';
import { type ConversationsQuery, searchConversations, snippetsOf } from './conversations.ts';

/** Something that was said in a session. */
export interface HistoryMatch {
  sessionId: string;
  title: string | null;
  runId: string;
  /** Epoch milliseconds at which the message of its run was sent. */
  at: number;
  /** Found words stand in «these marks». */
  snippet: string;
}

/** What the owner said and was answered, the best first. */
export async function searchHistory(
  database: Database,
  query: ConversationsQuery,
  text: string,
  limit: number,
): Promise<HistoryMatch[]> {
  const found = await searchConversations(database, query, text);
  if (found === null) return [];
  const hits = found.hits.filter(({ seq }) => seq > 0).slice(0, limit);
  const snippets = await snippetsOf(database.reader, found.question, hits);
  const sessions = await sessionsByIds(
    database,
    query.owner,
    hits.map(({ sessionId }) => sessionId),
  );
  const titles = new Map(sessions.map(({ id, title }) => [id, title]));
  return hits.map(({ sessionId, sourceId: runId }, index) => ({
    sessionId,
    title: titles.get(sessionId) ?? null,
    runId,
    at: timeOfId(runId),
    snippet: snippets[index] ?? '',
  }));
}
