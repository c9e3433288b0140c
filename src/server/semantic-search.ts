import type { Clock } from '../clock.ts';
import type { Configuration } from '../config/configuration.ts';
import { noSemanticSearch, type SemanticSearch, startSemanticSearch } from '../context/memory/semantic-search.ts';
import type { Database } from '../database/database.ts';
import { createOutageLog, type Logger } from '../logger.ts';

interface Dependencies {
  database: Database;
  clock: Clock;
  logger: Logger;
  environment: Readonly<Record<string, string | undefined>>;
}

/** Semantic search over memories, or none when no embedding model is configured. */
export async function openSemanticSearch(
  { file: { embeddings } }: Configuration,
  { database, clock, logger, environment }: Dependencies,
): Promise<SemanticSearch> {
  if (!embeddings) return noSemanticSearch;
  const { createOpenAiEmbedder } = await import('../models/openai-compatible/embedder.ts');
  const { baseURL, model, headers, apiKeyEnv } = embeddings;
  const apiKey = apiKeyEnv === undefined ? null : (environment[apiKeyEnv] ?? null);
  const embedder = createOpenAiEmbedder({ baseURL, model, headers, apiKey, clock });
  const semanticSearch = startSemanticSearch({
    database,
    embedder,
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
