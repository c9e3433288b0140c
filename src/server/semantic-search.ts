import type { Clock } from '../clock.ts';
import type { Configuration } from '../config/configuration.ts';
import type { CallCharges } from '../context/call-charges.ts';
import { createEmbeddingCharges } from '../context/memory/embedding-charges.ts';
import { noSemanticSearch, type SemanticSearch, startSemanticSearch } from '../context/memory/semantic-search.ts';
import type { Database } from '../database/database.ts';
import { createOutageLog, type Logger } from '../logger.ts';
import type { Embedder } from '../models/embedder.ts';

interface Dependencies {
  database: Database;
  charges: CallCharges;
  clock: Clock;
  logger: Logger;
  environment: Readonly<Record<string, string | undefined>>;
}

/** Semantic search over memories, or none when no embedding model is configured. */
export async function openSemanticSearch(
  configuration: Configuration,
  { database, charges, clock, logger, environment }: Dependencies,
): Promise<SemanticSearch> {
  const embedder = await openEmbedder(configuration, clock, environment);
  if (!embedder) return noSemanticSearch;
  const { price } = configuration.file.embeddings ?? {};
  const semanticSearch = startSemanticSearch({
    database,
    embedder,
    charges: createEmbeddingCharges(charges, price ? price.inputPerMillion / 1e6 : null),
    clock,
    outageLogs: {
      memories: createOutageLog(logger, 'embedding memories'),
      queries: createOutageLog(logger, 'embedding search queries (full-text search continues)'),
    },
  });
  return {
    ...semanticSearch,
    async close() {
      await semanticSearch.close();
      await embedder[Symbol.asyncDispose]();
    },
  };
}

/** The configured embedding model; null if there is none. Opens no connection. */
export async function openEmbedder(
  { file: { embeddings } }: Configuration,
  clock: Clock,
  environment: Dependencies['environment'],
): Promise<(Embedder & AsyncDisposable) | null> {
  if (!embeddings) return null;
  const { createOpenAiEmbedder } = await import('../models/openai-compatible/embedder.ts');
  const { baseURL, model, headers, apiKeyEnv } = embeddings;
  const apiKey = apiKeyEnv === undefined ? null : (environment[apiKeyEnv] ?? null);
  return createOpenAiEmbedder({ baseURL, model, headers, apiKey, clock });
}
