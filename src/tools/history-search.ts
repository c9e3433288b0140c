import { z } from 'zod';
import { defineTool, type Tool } from './tool.ts';

/** What the tool needs of the store of conversations. */
export interface History {
  /** Best first: what `owner` said and was answered, in any session, never what is somebody else's. */
  search(question: { owner: string; query: string; limit: number }): Promise<
    {
      sessionTitle: string | null;
      /** RFC 3339. */
      at: string;
      snippet: string;
    }[]
  >;
}

const QUERY_CHARACTERS = 1000;

const input = z.strictObject({
  query: z.string().trim().min(1).max(QUERY_CHARACTERS).describe('words to look for'),
  limit: z.int().min(1).max(20).default(5).describe('how many places at the most'),
});

/** Finds what was said before, in this session and in others of the same owner. */
export function createHistorySearch(history: History): Tool {
  return defineTool({
    name: 'history_search',
    description: 'Searches earlier messages and answers of this and of other sessions. Found words stand in «marks».',
    input,
    risk: 'LOW',
    idempotent: true,
    parallelSafe: true,
    timeoutSeconds: 10,
    execute: async ({ query, limit }, { session }) => ({
      found: await history.search({ owner: session.owner, query, limit }),
    }),
  });
}
