import type { Client, Database } from '../database/database.ts';
import { type FoundPassage, findPassages } from '../database/search-index.ts';
import type { PageArguments } from '../domain/page.ts';
import { passageAt } from '../domain/search/passages.ts';
import { withRecency } from '../domain/search/ranking.ts';
import { type SearchTerms, searchTerms } from '../domain/search/search-terms.ts';
import { snippetOf } from '../domain/search/snippet.ts';
import { timeOfId } from '../ids.ts';
import { type SessionsQuery, sessionCondition } from './session-lists.ts';
import { type SessionRow, sessionsByIds } from './sessions.ts';

export interface ConversationsQuery extends SessionsQuery {
  /** Epoch milliseconds. */
  now: number;
}

/** A matching part of a message, an answer or a title. */
interface Match {
  sessionId: string;
  /** The run, or for a title the session. */
  sourceId: string;
  /** Of the event; 0 for a title. */
  seq: number;
  /** Where the part starts in the text, in UTF-16 units. */
  start: number;
}

/** Most passages that a search ranks, newest first. */
const RANKED_PASSAGES = 5000;
/** Most passages that a search returns, best first: more than anyone pages through. */
const FOUND_PASSAGES = 2000;

/** A position in a ranked list of sessions. */
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
  /** Sessions that were found. The list ends with the last one that is ranked. */
  count: number;
}

/**
 * Finds sessions by the words of their messages, answers and titles, best first, each once. Every page ranks the list again:
 * it begins after the session of its cursor, or at the rank of the cursor if the session no longer matches.
 */
export async function searchSessions(
  database: Database,
  query: ConversationsQuery,
  text: string,
  page: RankedPageArguments,
): Promise<RankedSessions> {
  const terms = searchTerms(text);
  if (terms === null) return { rows: [], hasNextPage: false, hasPreviousPage: false, count: 0 };
  const list = bestOfEachSession(await findMatches(database, query, terms));
  const { low, high } = rangeOf(list, page);
  const matches = list.slice(low, high);
  const sessions = await sessionsOf(database, query.owner, matches);
  const snippets = await snippetsOf(database.reader, terms, matches);
  const rows = matches.flatMap(({ sessionId }, index) => {
    const session = sessions.get(sessionId);
    return session ? { session, rank: low + index, snippet: snippets[index] ?? '' } : [];
  });
  return { rows, hasNextPage: high < list.length, hasPreviousPage: low > 0, count: list.length };
}

/** A message or answer that matches. */
export interface HistoryMatch {
  sessionId: string;
  title: string | null;
  runId: string;
  /** When the message of the run was sent, in epoch milliseconds. */
  at: number;
  /** The text around the matching words, which are in «guillemets». */
  snippet: string;
}

/** Finds messages and answers of the owner's sessions by their words, best first. */
export async function searchHistory(
  database: Database,
  query: ConversationsQuery,
  text: string,
  limit: number,
): Promise<HistoryMatch[]> {
  const terms = searchTerms(text);
  if (terms === null) return [];
  const matches = (await findMatches(database, query, terms)).filter(({ seq }) => seq > 0).slice(0, limit);
  const snippets = await snippetsOf(database.reader, terms, matches);
  const sessions = await sessionsOf(database, query.owner, matches);
  return matches.map(({ sessionId, sourceId: runId }, index) => ({
    sessionId,
    title: sessions.get(sessionId)?.title ?? null,
    runId,
    at: timeOfId(runId),
    snippet: snippets[index] ?? '',
  }));
}

/** Finds passages that contain all of the words or, if none does, some of them; best first. */
async function findMatches(
  database: Database,
  { now, ...query }: ConversationsQuery,
  { words, prefix }: SearchTerms,
): Promise<Match[]> {
  const { sql: where, parameters } = sessionCondition(query);
  const join = 'JOIN "Session" ON "Session"."id" = "Passage"."sessionId"';
  const find = (match: 'all' | 'any') =>
    findPassages(database, {
      owner: query.owner,
      kind: 'conversation',
      words,
      prefix,
      match,
      filter: { join, where, parameters },
      rankedLimit: RANKED_PASSAGES,
      limit: FOUND_PASSAGES,
    });
  const all = await find('all');
  return rankByRecency(all.length > 0 || words.length === 1 ? all : await find('any'), now);
}

function rankByRecency(passages: readonly FoundPassage[], now: number): Match[] {
  return passages
    .map((passage) => ({ passage, score: withRecency(passage.relevance, now - timeOfId(passage.sourceId)) }))
    .sort((left, right) => right.score - left.score || (left.passage.sourceId < right.passage.sourceId ? 1 : -1))
    .flatMap(({ passage: { sessionId, sourceId, seq, start } }) =>
      sessionId === null ? [] : { sessionId, sourceId, seq, start },
    );
}

function bestOfEachSession(matches: readonly Match[]): Match[] {
  const best = new Map<string, Match>();
  for (const match of matches) if (!best.has(match.sessionId)) best.set(match.sessionId, match);
  return [...best.values()];
}

function rangeOf(list: readonly Match[], { size, from, after, before }: RankedPageArguments) {
  const indexOf = ({ id }: RankedPosition) => list.findIndex(({ sessionId }) => sessionId === id);
  const start = after === null ? 0 : indexOf(after) === -1 ? after.rank : indexOf(after) + 1;
  const end = before === null ? list.length : indexOf(before) === -1 ? before.rank : indexOf(before);
  const low = Math.min(start, list.length);
  const high = Math.max(low, Math.min(end, list.length));
  return from === 'start' ? { low, high: Math.min(high, low + size) } : { low: Math.max(low, high - size), high };
}

async function sessionsOf(
  database: Database,
  owner: string,
  matches: readonly Match[],
): Promise<Map<string, SessionRow>> {
  const sessions = await sessionsByIds(
    database,
    owner,
    matches.map(({ sessionId }) => sessionId),
  );
  return new Map(sessions.map((session) => [session.id, session]));
}

/** The text around each match, in their order. */
async function snippetsOf(reader: Client, terms: SearchTerms, matches: readonly Match[]): Promise<string[]> {
  const titled = matches.filter(({ seq }) => seq === 0).map(({ sourceId }) => sourceId);
  const positions = matches.filter(({ seq }) => seq > 0).map(({ sourceId: runId, seq }) => ({ runId, seq }));
  const sessions = titled.length === 0 ? [] : await reader.session.findMany({ where: { id: { in: titled } } });
  const events =
    positions.length === 0
      ? []
      : await reader.event.findMany({ where: { OR: positions }, select: { runId: true, seq: true, payload: true } });
  const texts = new Map([
    ...sessions.map(({ id, title }) => [`${id}/0`, title ?? ''] as const),
    ...events.map(({ runId, seq, payload }) => [`${runId}/${seq}`, textOf(payload)] as const),
  ]);
  return matches.map(({ sourceId, seq, start }) =>
    snippetOf(passageAt(texts.get(`${sourceId}/${seq}`) ?? '', start), terms),
  );
}

/** The text of an input or an output. */
function textOf(payload: string): string {
  const { text }: { text?: unknown } = JSON.parse(payload);
  return typeof text === 'string' ? text : '';
}
