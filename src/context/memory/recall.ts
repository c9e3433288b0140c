import type { Database } from '../../database/database.ts';
import { fuseRanks } from '../../domain/search/ranking.ts';
import { searchTerms } from '../../domain/search/search-terms.ts';
import { nearestMemories } from '../../repositories/embeddings.ts';
import { type FoundMemory, type MemoriesQuery, searchMemories, visibleMemories } from '../../repositories/memories.ts';
import type { SemanticSearch } from './semantic-search.ts';

export interface RecallDependencies {
  database: Database;
  /** Epoch milliseconds. */
  now(): number;
  semanticSearch: Pick<SemanticSearch, 'embedQuery'>;
}

export interface RecallRequest {
  owner: string;
  /** Also finds memories of this session, in addition to those of all sessions; null finds all memories of the owner. */
  sessionId: string | null;
  text: string;
  /** Maximum number of results. */
  limit: number;
}

/** Number of nearest vectors that count as found: beyond them, similarity says little. */
const NEIGHBOURS = 20;
/** Number of full-text results that are fused with them. */
const CANDIDATES = 100;

/**
 * The owner's memories that match a text, the best first. Full-text results are fused by rank with the nearest vectors,
 * if there is an embedding model. Scores are above 0 and at most 1. Memories that have expired are not found.
 */
export async function recallMemories(
  { database, now, semanticSearch }: RecallDependencies,
  { owner, sessionId, text, limit }: RecallRequest,
): Promise<FoundMemory[]> {
  if (searchTerms(text) === null) return [];
  const query: MemoriesQuery = { owner, sessionId, now: new Date(now()) };
  const [textMatches, queryVector] = await Promise.all([
    searchMemories(database, query, text, Math.max(limit, CANDIDATES)),
    semanticSearch.embedQuery({ owner, sessionId, text }),
  ]);
  if (queryVector === null) return textMatches.slice(0, limit);
  const nearestIds = await nearestMemories(database, query, queryVector, NEIGHBOURS);
  const fused = fuseRanks([textMatches.map(({ memory }) => memory.id), nearestIds]).slice(0, limit);
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
