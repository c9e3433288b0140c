import { z } from 'zod';
import { MEMORY_BYTES, MEMORY_TAGS, SEARCH_QUERY_CHARACTERS, TAG_CHARACTERS } from '../config/limits.ts';
import { defineTool, type Tool } from './tool.ts';

/** The memories that the tools search and save. */
export interface Memories {
  /** Memories of `owner` for all sessions and for this one, best match first, at most `limit`. */
  search(query: {
    owner: string;
    sessionId: string;
    query: string;
    limit: number;
  }): Promise<{ id: string; text: string; tags: string[] }[]>;
  /** Resolves when the memory is durable. A `sessionId` of null saves it for all sessions of the owner. */
  save(memory: { owner: string; sessionId: string | null; text: string; tags: string[] }): Promise<{ id: string }>;
}

const searchInput = z.strictObject({
  query: z.string().trim().min(1).max(SEARCH_QUERY_CHARACTERS).describe('words to search for'),
  limit: z.int().min(1).max(20).default(5).describe('maximum number of memories'),
});

const NOT_STORABLE = 'must not contain NUL characters or unpaired surrogates';

const saveInput = z.strictObject({
  text: z
    .string()
    .trim()
    .min(1)
    .max(MEMORY_BYTES)
    .refine((text) => Buffer.byteLength(text) <= MEMORY_BYTES, `must not be longer than ${MEMORY_BYTES} bytes`)
    .refine(isStorable, NOT_STORABLE)
    .describe(`one fact that can be understood by itself; at most ${MEMORY_BYTES} bytes`),
  tags: z
    .array(z.string().trim().min(1).max(TAG_CHARACTERS).refine(isStorable, NOT_STORABLE))
    .max(MEMORY_TAGS)
    .default([])
    .describe('keywords to find it by'),
  thisSessionOnly: z.boolean().default(false).describe('true hides it from other sessions'),
});

export function createMemoryTools(memories: Memories): Tool[] {
  return [createMemorySearch(memories), createMemorySave(memories)];
}

function createMemorySearch(memories: Memories): Tool {
  return defineTool({
    name: 'memory_search',
    description: 'Searches the facts that were saved in this and in earlier sessions.',
    input: searchInput,
    risk: 'LOW',
    idempotent: true,
    parallelSafe: true,
    timeoutSeconds: 10,
    keepsPlaceholders: true,
    execute: async ({ query, limit }, { session }) => {
      const found = await memories.search({ owner: session.owner, sessionId: session.id, query, limit });
      return { memories: found.map(({ id, text, tags }) => ({ id, text, tags })) };
    },
  });
}

function createMemorySave(memories: Memories): Tool {
  return defineTool({
    name: 'memory_save',
    description: 'Saves a fact that will be useful later, in this session or in another.',
    input: saveInput,
    risk: 'MEDIUM',
    idempotent: false,
    parallelSafe: false,
    timeoutSeconds: 10,
    keepsPlaceholders: true,
    execute: async ({ text, tags, thisSessionOnly }, { session }) => {
      const sessionId = thisSessionOnly ? session.id : null;
      const { id } = await memories.save({ owner: session.owner, sessionId, text, tags: [...new Set(tags)] });
      return { id };
    },
  });
}

function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}
