import type { Client, Database } from '../../database/database.ts';
import { passageAt } from '../../domain/search/passages.ts';
import { withRecency } from '../../domain/search/recency.ts';
import { type SearchTerms, searchTerms } from '../../domain/search/search-terms.ts';
import { snippetOf } from '../../domain/search/snippet.ts';
import { timeOfId } from '../../ids.ts';
import { type FoundPassage, findPassages } from './find-passages.ts';

export interface ConversationsQuery {
  owner: string;
  includeArchived: boolean;
  agentId?: string;
  /** Epoch milliseconds. */
  now: number;
}

/** A place where words of a question were said, or a title that holds them. */
export interface Hit {
  sessionId: string;
  /** A run, or the session where its title is meant. */
  sourceId: string;
  /** Of the event; 0 for a title. */
  seq: number;
  start: number;
}

/** The hits of a search, the best first. */
export interface ConversationSearch {
  question: SearchTerms;
  hits: Hit[];
}

/** Passages that hold the words and are ranked, the newest ones. */
const RANKED = 5000;
/** Hits of a search: more than anybody pages through. */
const SEARCHED = 2000;

/**
 * What one owner said or was answered, and titles, by their words: those that hold all of them, or, where there are none,
 * those that hold some. Takes any characters; null where there is no word among them.
 */
export async function searchConversations(
  database: Database,
  query: ConversationsQuery,
  text: string,
): Promise<ConversationSearch | null> {
  const question = searchTerms(text);
  if (question === null) return null;
  const { owner, includeArchived, agentId } = query;
  const only = {
    join: 'JOIN "Session" ON "Session"."id" = "Passage"."sessionId"',
    where: [
      '"Session"."owner" = ?',
      ...(includeArchived ? [] : ['"Session"."archivedAt" IS NULL']),
      ...(agentId === undefined ? [] : ['"Session"."agentId" = ?']),
    ].join(' AND '),
    parameters: agentId === undefined ? [owner] : [owner, agentId],
  };
  const find = (match: 'all' | 'any') =>
    findPassages(database, {
      owner,
      kind: 'conversation',
      terms: question,
      match,
      only,
      ranked: RANKED,
      limit: SEARCHED,
    });
  const all = await find('all');
  const passages = all.length > 0 || question.words.length === 1 ? all : await find('any');
  return { question, hits: ranked(passages, query.now) };
}

function ranked(passages: readonly FoundPassage[], now: number): Hit[] {
  return passages
    .map((passage) => ({ passage, score: withRecency(passage.relevance, now - timeOfId(passage.sourceId)) }))
    .sort((left, right) => right.score - left.score || (left.passage.sourceId < right.passage.sourceId ? 1 : -1))
    .flatMap(({ passage: { sessionId, sourceId, seq, start } }) =>
      sessionId === null ? [] : { sessionId, sourceId, seq, start },
    );
}

/** The text around each hit, in their order. */
export async function snippetsOf(reader: Client, question: SearchTerms, hits: readonly Hit[]): Promise<string[]> {
  const titled = hits.filter(({ seq }) => seq === 0).map(({ sourceId }) => sourceId);
  const said = hits.filter(({ seq }) => seq > 0).map(({ sourceId: runId, seq }) => ({ runId, seq }));
  const sessions = titled.length === 0 ? [] : await reader.session.findMany({ where: { id: { in: titled } } });
  const events =
    said.length === 0
      ? []
      : await reader.event.findMany({ where: { OR: said }, select: { runId: true, seq: true, payload: true } });
  const texts = new Map([
    ...sessions.map(({ id, title }) => [`${id}/0`, title ?? ''] as const),
    ...events.map(({ runId, seq, payload }) => [`${runId}/${seq}`, textOf(payload)] as const),
  ]);
  return hits.map(({ sourceId, seq, start }) =>
    snippetOf(passageAt(texts.get(`${sourceId}/${seq}`) ?? '', start), question),
  );
}

/** Messages and answers both have one. */
function textOf(payload: string): string {
  const { text }: { text?: unknown } = JSON.parse(payload);
  return typeof text === 'string' ? text : '';
}
