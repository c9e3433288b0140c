import type { Database } from '../../database/database.ts';
import { fuseRanks } from '../../domain/search/fused-ranks.ts';
import { searchTerms } from '../../domain/search/search-terms.ts';
import { nearestMemories } from '../../repositories/memory/embeddings.ts';
import {
  type FoundMemory,
  type MemoriesQuery,
  searchMemories,
  visibleMemories,
} from '../../repositories/memory/memories.ts';
import type { SemanticSearch } from './semantic-search.ts';

export interface RecallDependencies {
  database: Database;
  /** Epoch milliseconds. */
  now(): number;
  semanticSearch: Pick<SemanticSearch, 'embedQuery'>;
}

export interface RecallRequest {
  owner: string;
  /** Finds those of this session and those of every session; null for all of the owner's. */
  sessionId: string | null;
  text: string;
  /** At most so many. */
  limit: number;
}

/** Neighbours of a question that count as found: beyond, likeness says little. */
const NEIGHBOURS = 20;
/** Found by words that are fused with them. */
const CANDIDATES = 100;

/**
 * The owner's memories that fit a question, the best first: by their words, fused by rank with those that mean something
 * like it where there are vectors. Scores lie above 0 and at most at 1.
 */
export async function recallMemories(
  { database, now, semanticSearch }: RecallDependencies,
  { owner, sessionId, text, limit }: RecallRequest,
): Promise<FoundMemory[]> {
  if (searchTerms(text) === null) return [];
  const query: MemoriesQuery = { owner, sessionId, now: new Date(now()) };
  const [found, place] = await Promise.all([
    searchMemories(database, query, text, Math.max(limit, CANDIDATES)),
    semanticSearch.embedQuery(text),
  ]);
  if (place === null) return found.slice(0, limit);
  const nearest = await nearestMemories(database, query, place, NEIGHBOURS);
  const fused = fuseRanks([found.map(({ memory }) => memory.id), nearest]).slice(0, limit);
  const rows = await visibleMemories(
    database.reader,
    query,
    fused.map(({ id }) => id),
  );
  const byId = new Map(rows.map((memory) => [memory.id, memory]));
  return fused.flatMap(({ id, score }) => {
    const memory = byId.get(id);
    return memory ? [{ memory, score }] : [];
  });
}
