import { databaseTime } from '../../database/batch-statement.ts';
import type { Client, Database } from '../../database/database.ts';
import type { Memory } from '../../database/generated/sqlite/client.ts';
import { statement } from '../../database/statement.ts';
import { keysetQuery, type PageArguments, pageOf, type RowPage } from '../../domain/page.ts';
import { withRecency } from '../../domain/search/recency.ts';
import { isSameFact } from '../../domain/search/same-fact.ts';
import { type SearchTerms, searchTerms } from '../../domain/search/search-terms.ts';
import { findPassages } from '../search/find-passages.ts';

/** A memory with its tags read. */
export type MemoryRow = Omit<Memory, 'tags'> & { tags: string[] };

const read = ({ tags, ...memory }: Memory): MemoryRow => ({ ...memory, tags: JSON.parse(tags) });

/** Passages that are ranked: those of all memories that an owner may have, as far as they are short. */
const RANKED = 10_000;
/** Candidates of a search, the best ones. */
const SEARCHED = 100;
/** Candidates that a new memory is compared with. */
const COMPARED = 10;

export interface MemoriesQuery {
  owner: string;
  /** Shows those of this session and those of every session; null for all of the owner's. */
  sessionId: string | null;
  now: Date;
}

/** Which memories a query may show. */
export const visibleMemory = ({ owner, sessionId, now }: MemoriesQuery) => ({
  owner,
  AND: [
    { OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] },
    ...(sessionId === null ? [] : [{ OR: [{ sessionId: null }, { sessionId }] }]),
  ],
});

/** The same, for SQL of our own. */
const visibleSql = ({ owner, sessionId, now }: MemoriesQuery) => ({
  where: `"Memory"."owner" = ? AND ("Memory"."expiresAt" IS NULL OR "Memory"."expiresAt" > ?)${
    sessionId === null ? '' : ' AND ("Memory"."sessionId" IS NULL OR "Memory"."sessionId" = ?)'
  }`,
  parameters: [owner, databaseTime(now.getTime()), ...(sessionId === null ? [] : [sessionId])],
});

/** Newest first. */
export async function pageMemories(
  reader: Client,
  query: MemoriesQuery,
  page: PageArguments,
): Promise<RowPage<MemoryRow>> {
  const { where, ...keyset } = keysetQuery(page, 'newest-first');
  const { rows, ...rest } = pageOf(
    await reader.memory.findMany({ where: { ...visibleMemory(query), ...where }, ...keyset }),
    page,
  );
  return { rows: rows.map(read), ...rest };
}

export interface FoundMemory {
  memory: MemoryRow;
  /** How well it fits, above 0 and at most 1. */
  score: number;
}

const anyMemory = statement<{ id: string }>(
  { id: 'text' },
  () => `SELECT "id" FROM "Memory" WHERE "owner" = ? LIMIT 1`,
);

/** Most owners have none, and every step of every run asks. */
async function hasMemories(database: Database, owner: string): Promise<boolean> {
  return (await database.query(anyMemory, owner)).length > 0;
}

/** Memories that hold words of the question, the best first: rare words count more, and of equals the newer is better. */
export async function searchMemories(
  database: Database,
  query: MemoriesQuery,
  question: string,
  limit: number,
): Promise<FoundMemory[]> {
  const asked = searchTerms(question);
  if (asked === null || !(await hasMemories(database, query.owner))) return [];
  const relevances = await relevanceByMemory(database, query, asked);
  const found = (await visibleMemories(database.reader, query, [...relevances.keys()])).map((memory) => ({
    memory,
    score: withRecency(relevances.get(memory.id) ?? 0, query.now.getTime() - memory.updatedAt.getTime()),
  }));
  const ranked = found.sort((left, right) => right.score - left.score || (left.memory.id < right.memory.id ? 1 : -1));
  const best = ranked[0]?.score ?? 1;
  return ranked.slice(0, limit).map(({ memory, score }) => ({ memory, score: score / best }));
}

async function relevanceByMemory(
  database: Database,
  query: MemoriesQuery,
  question: SearchTerms,
): Promise<Map<string, number>> {
  const passages = await findPassages(database, {
    owner: query.owner,
    kind: 'memory',
    terms: question,
    match: 'any',
    ranked: RANKED,
    limit: SEARCHED,
    only: { join: 'JOIN "Memory" ON "Memory"."id" = "Passage"."sourceId"', ...visibleSql(query) },
  });
  // The best part of a long one stands for the whole, and parts come best first.
  const best = new Map<string, number>();
  for (const { sourceId, relevance } of passages) if (!best.has(sourceId)) best.set(sourceId, relevance);
  return best;
}

/** The memory of the same scope that says the same, if there is one. */
export async function sameMemory(database: Database, query: MemoriesQuery, text: string): Promise<MemoryRow | null> {
  const asked = searchTerms(text);
  if (asked === null) return null;
  const exact = { ...asked, prefix: false };
  const candidates = [...(await relevanceByMemory(database, query, exact)).keys()].slice(0, COMPARED);
  const memories = await visibleMemories(database.reader, query, candidates);
  return memories.find((memory) => memory.sessionId === query.sessionId && isSameFact(memory.text, text)) ?? null;
}

/** Those of these ids that the query may show, in no order. */
export async function visibleMemories(
  reader: Client,
  query: MemoriesQuery,
  ids: readonly string[],
): Promise<MemoryRow[]> {
  if (ids.length === 0) return [];
  return (await reader.memory.findMany({ where: { id: { in: [...ids] }, ...visibleMemory(query) } })).map(read);
}

export async function memoriesByIds(reader: Client, owner: string, ids: readonly string[]): Promise<MemoryRow[]> {
  return (await reader.memory.findMany({ where: { id: { in: [...ids] }, owner } })).map(read);
}

export function countMemories(reader: Client, owner: string): Promise<number> {
  return reader.memory.count({ where: { owner } });
}
