import { z } from 'zod';
import { MEMORY_BYTES, MEMORY_TAGS, TAG_CHARACTERS } from '../config/limits.ts';
import { defineTool, type Tool } from './tool.ts';

/** What the tools need of the store of memories. */
export interface Memories {
  /** Best first: what `owner` has saved for every session and for this one, never what somebody else has. */
  search(question: {
    owner: string;
    sessionId: string;
    query: string;
    /** At most so many. */
    limit: number;
  }): Promise<{ id: string; text: string; tags: string[] }[]>;
  /** Resolves once the memory is durable. A `sessionId` of null is for every session of the owner. */
  save(memory: { owner: string; sessionId: string | null; text: string; tags: string[] }): Promise<{ id: string }>;
}

const QUERY_CHARACTERS = 1000;

const searchInput = z.strictObject({
  query: z.string().trim().min(1).max(QUERY_CHARACTERS).describe('words to look for'),
  limit: z.int().min(1).max(20).default(5).describe('how many memories at the most'),
});

const saveInput = z.strictObject({
  text: z
    .string()
    .trim()
    .min(1)
    .max(MEMORY_BYTES)
    .refine((text) => Buffer.byteLength(text) <= MEMORY_BYTES, `must not be longer than ${MEMORY_BYTES} bytes`)
    .refine(isStorable, 'contains characters that cannot be stored')
    .describe(`one fact, understandable by itself; at most ${MEMORY_BYTES} bytes`),
  tags: z
    .array(z.string().trim().min(1).max(TAG_CHARACTERS).refine(isStorable, 'contains characters that cannot be stored'))
    .max(MEMORY_TAGS)
    .default([])
    .describe('words to find it by'),
  thisSessionOnly: z.boolean().default(false).describe('whether other sessions must not see it'),
});

export function createMemoryTools(memories: Memories): Tool[] {
  return [memorySearch(memories), memorySave(memories)];
}

function memorySearch(memories: Memories): Tool {
  return defineTool({
    name: 'memory_search',
    description: 'Searches the facts that were saved in this and in earlier sessions.',
    input: searchInput,
    risk: 'LOW',
    idempotent: true,
    parallelSafe: true,
    timeoutSeconds: 10,
    execute: async ({ query, limit }, { session }) => {
      const found = await memories.search({ owner: session.owner, sessionId: session.id, query, limit });
      return { memories: found.map(({ id, text, tags }) => ({ id, text, tags })) };
    },
  });
}

function memorySave(memories: Memories): Tool {
  return defineTool({
    name: 'memory_save',
    description: 'Saves a fact that will be useful later, in this session or in another.',
    input: saveInput,
    risk: 'MEDIUM',
    idempotent: false,
    parallelSafe: false,
    timeoutSeconds: 10,
    execute: async ({ text, tags, thisSessionOnly }, { session }) => {
      const sessionId = thisSessionOnly ? session.id : null;
      const { id } = await memories.save({ owner: session.owner, sessionId, text, tags: [...new Set(tags)] });
      return { id };
    },
  });
}

/** Databases take neither NUL nor half a surrogate pair. */
function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}
