import type { Clock } from '../../clock.ts';
import * as limits from '../../config/limits.ts';
import type { Database } from '../../database/database.ts';
import { packVector } from '../../domain/search/vectors.ts';
import type { Embedder } from '../../models/embedder.ts';
import { estimateTokens } from '../token-estimate.ts';
import type { ChargedText, EmbeddingCharges } from './embedding-charges.ts';
import { type OutageLog, startEmbeddingWorker } from './embedding-worker.ts';

/** Finds memories by meaning, with an embedding model. */
export interface SemanticSearch {
  /**
   * The vector of a query, or null if there is none or it does not fit into a budget: then full text has to do. Resolves within a few
   * seconds; never rejects. After a failure it resolves with null at once for a while.
   */
  embedQuery(query: ChargedText): Promise<{ model: string; vector: Int8Array } | null>;
  /** Reports that a memory was saved, so that it is embedded in the background. Returns at once. */
  saved(): void;
  /** Resolves when the background work has stopped. */
  close(): Promise<void>;
}

/** For servers without an embedding model. */
export const noSemanticSearch: SemanticSearch = {
  embedQuery: async () => null,
  saved: () => undefined,
  close: async () => undefined,
};

interface SemanticSearchDependencies {
  database: Database;
  embedder: Embedder;
  charges: EmbeddingCharges;
  clock: Clock;
  outageLogs: { memories: OutageLog; queries: OutageLog };
}

/** Starts to embed the memories that have no vector of this model. A failing model never fails a search or a save. */
export function startSemanticSearch(dependencies: SemanticSearchDependencies): SemanticSearch {
  const { database, embedder, charges, clock, outageLogs } = dependencies;
  const worker = startEmbeddingWorker({ database, embedder, charges, clock, outageLog: outageLogs.memories });
  const stopping = new AbortController();
  const options = { signal: stopping.signal, timeoutSeconds: limits.EMBEDDING_QUERY_SECONDS };
  let pausedUntil = 0;

  async function embedCharged(text: string, settle: (tokens: number) => Promise<void>): Promise<Float32Array[]> {
    let used = 0;
    try {
      const { vectors, tokens } = await embedder.embed([text], options);
      used = tokens ?? estimateTokens(text);
      return vectors;
    } finally {
      await settle(used);
    }
  }

  return {
    async embedQuery(query) {
      if (stopping.signal.aborted || clock.now() < pausedUntil) return null;
      try {
        const text = query.text.slice(0, limits.EMBEDDING_QUERY_CHARACTERS);
        const { fitting, settle } = await charges.charge([{ ...query, text }]);
        if (fitting.length === 0) return null;
        const [vector] = await embedCharged(text, settle);
        outageLogs.queries.worked();
        return vector ? { model: embedder.model, vector: packVector(vector) } : null;
      } catch (error) {
        if (stopping.signal.aborted) return null;
        pausedUntil = clock.now() + limits.EMBEDDING_PAUSE_SECONDS * 1000;
        outageLogs.queries.failed(error);
        return null;
      }
    },
    saved: () => worker.notify(),
    async close() {
      stopping.abort();
      await worker.close();
    },
  };
}
