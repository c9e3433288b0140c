import type { Clock } from '../clock.ts';
import type { Configuration } from '../config/configuration.ts';
import { type Meanings, startMeanings, wordsAlone } from '../context/memory/meanings.ts';
import type { Database } from '../database/database.ts';
import { createOutage, type Logger } from '../logger.ts';

interface Dependencies {
  database: Database;
  clock: Clock;
  logger: Logger;
  environment: Readonly<Record<string, string | undefined>>;
}

/** Finding memories by their meaning, where the configuration names an embedding model. */
export async function openMeanings(
  { file: { embeddings } }: Configuration,
  { database, clock, logger, environment }: Dependencies,
): Promise<Meanings> {
  if (!embeddings) return wordsAlone;
  const { createOpenAiEmbedder } = await import('../model/embedding/openai-embedder.ts');
  const { baseURL, model, headers, apiKeyEnv } = embeddings;
  const apiKey = apiKeyEnv === undefined ? null : (environment[apiKeyEnv] ?? null);
  const embedder = createOpenAiEmbedder({ baseURL, model, headers, apiKey, clock });
  const meanings = startMeanings({
    ...{ database, embedder, clock },
    outages: {
      placing: createOutage(logger, 'embedding memories'),
      questions: createOutage(logger, 'embedding questions, without which memories are found by their words alone,'),
    },
  });
  return {
    ...meanings,
    async close() {
      await meanings.close();
      await embedder[Symbol.asyncDispose]();
    },
  };
}
