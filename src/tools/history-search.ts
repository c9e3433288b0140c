import { z } from 'zod';
import { SEARCH_QUERY_CHARACTERS } from '../config/limits.ts';
import { defineTool, type Tool } from './tool.ts';

/** The earlier conversations that the tool searches. */
export interface History {
  /** Messages and answers in all sessions of `owner`, best match first. */
  search(query: { owner: string; query: string; limit: number }): Promise<
    {
      sessionTitle: string | null;
      /** RFC 3339. */
      at: string;
      snippet: string;
    }[]
  >;
}

const input = z.strictObject({
  query: z.string().trim().min(1).max(SEARCH_QUERY_CHARACTERS).describe('words to search for'),
  limit: z.int().min(1).max(20).default(5).describe('maximum number of results'),
});

/** Searches earlier messages and answers in all sessions of the owner. */
export function createHistorySearch(history: History): Tool {
  return defineTool({
    name: 'history_search',
    description: 'Searches earlier messages and answers in this and other sessions. Matches are shown as «match».',
    input,
    risk: 'LOW',
    idempotent: true,
    parallelSafe: true,
    timeoutSeconds: 10,
    keepsPlaceholders: true,
    execute: async ({ query, limit }, { session }) => ({
      found: await history.search({ owner: session.owner, query, limit }),
    }),
  });
}
