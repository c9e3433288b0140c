import type { Clock } from '../../clock.ts';
import * as limits from '../../config/limits.ts';
import type { Database } from '../../database/database.ts';
import { packVector } from '../../domain/search/vectors.ts';
import type { Embedder } from '../../models/embedder.ts';
import { type OutageLog, startEmbeddingWorker } from './embedding-worker.ts';

/** Finding memories by what they mean, where an embedding model is configured. */
export interface SemanticSearch {
  /** A question's place among the memories; null where there is none to be had, and words must do. Never rejects. */
  embedQuery(query: string): Promise<{ model: string; vector: Int8Array } | null>;
  /** A memory was stored. */
  saved(): void;
  close(): Promise<void>;
}

/** Without an embedding model there are only words. */
export const noSemanticSearch: SemanticSearch = {
  embedQuery: async () => null,
  saved: () => undefined,
  close: async () => undefined,
};

interface SemanticSearchDependencies {
  database: Database;
  embedder: Embedder;
  clock: Clock;
  /** What the log is told, for what is done in the background and for questions. */
  outages: { placing: OutageLog; questions: OutageLog };
}

/** Begins to place the memories that have no vector of this model. A model that fails never fails a search or a save. */
export function startSemanticSearch({
  database,
  embedder,
  clock,
  outages,
}: SemanticSearchDependencies): SemanticSearch {
  const placing = startEmbeddingWorker({ database, embedder, clock, outage: outages.placing });
  const stopping = new AbortController();
  const options = { signal: stopping.signal, patienceSeconds: limits.EMBEDDING_QUESTION_SECONDS };
  let leftAloneUntil = 0;
  return {
    async embedQuery(query) {
      // No search waits for a model that has just failed.
      if (stopping.signal.aborted || clock.now() < leftAloneUntil) return null;
      try {
        const [vector] = await embedder.embed([query.slice(0, limits.EMBEDDING_QUESTION_CHARACTERS)], options);
        outages.questions.worked();
        return vector ? { model: embedder.model, vector: packVector(vector) } : null;
      } catch (error) {
        if (stopping.signal.aborted) return null;
        leftAloneUntil = clock.now() + limits.EMBEDDING_PAUSE_SECONDS * 1000;
        outages.questions.failed(error);
        return null;
      }
    },
    saved: placing.wake,
    async close() {
      stopping.abort();
      await placing.close();
    },
  };
}
