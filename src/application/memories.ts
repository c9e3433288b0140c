import { z } from 'zod';
import * as limits from '../config/limits.ts';
import { recallMemories } from '../context/memory/recall.ts';
import { conflict, isRefusal, notFound, quotaReached, type Refusal } from '../domain/refusal.ts';
import { storableText } from '../domain/storable-text.ts';
import {
  countMemories,
  type FoundMemory,
  forgetMemory,
  type MemoryRow,
  memoriesByIds,
  sameMemory,
  saveMemory,
} from '../repositories/memories.ts';
import { sessionById } from '../repositories/sessions.ts';
import type { CommandContext, Viewer } from './command-context.ts';
import { idempotencyKeyField, idempotencyRows, performOnce } from './idempotency.ts';
import { parseInput, text } from './parse-input.ts';

export const memoryText = text(limits.MEMORY_BYTES);
export const memoryTags = z.array(text(limits.TAG_CHARACTERS)).max(limits.MEMORY_TAGS);

const schema = z.object({
  text: memoryText,
  tags: memoryTags.nullish(),
  sessionId: z.string().nullish(),
  expiresInSeconds: z
    .int()
    .positive('must be at least 1')
    .max(limits.MEMORY_SECONDS, `must be at most ${limits.MEMORY_SECONDS}`)
    .nullish(),
  idempotencyKey: idempotencyKeyField,
});

export type Remembered = { kind: 'remembered'; memoryId: string };

type MemoryContext = Pick<CommandContext, 'database' | 'newId' | 'now' | 'mutex' | 'semanticSearch' | 'quotas'>;

/** Stores a fact for the owner, in one session or in all. If nearly the same fact is stored there already, it is updated. */
export async function remember(
  context: MemoryContext,
  { principal: owner }: Pick<Viewer, 'principal'>,
  raw: z.input<typeof schema>,
): Promise<Remembered | Refusal> {
  const parsed = parseInput(schema, raw);
  if (isRefusal(parsed)) return parsed;
  const sessionId = parsed.input.sessionId ?? null;
  if (sessionId !== null && !(await sessionById(context.database, owner, sessionId))) {
    return notFound('session', sessionId);
  }
  const { idempotencyKey: _, ...fact } = { ...parsed.input, owner, sessionId };
  const mutation = { name: 'remember', input: parsed.input } as const;
  return performOnce<Remembered | Refusal>(context, { principal: owner }, mutation, {
    async perform() {
      // One at a time, so that the same fact sent twice at once is stored once. The mutex of this server comes first, so that
      // few transactions wait in the database.
      const saved = await context.mutex.run(`memories of ${owner}`, () =>
        saveMemory(
          context.database,
          owner,
          () => memoryOf(context, fact),
          ({ id: resultId }) =>
            idempotencyRows(context, { principal: owner }, mutation, { resultId, sessionId, seq: null }),
        ),
      );
      if ('kind' in saved) return saved;
      context.semanticSearch.saved();
      return { kind: 'remembered', memoryId: saved.id };
    },
    async repeat({ resultId: memoryId }) {
      const [memory] = await memoriesByIds(context.database.reader, owner, [memoryId]);
      if (memory) return { kind: 'remembered', memoryId };
      return conflict(`Memory ${memoryId}, which was stored with this idempotency key, was forgotten. Use a new key.`);
    },
  });
}

type Fact = Omit<z.infer<typeof schema>, 'sessionId' | 'idempotencyKey'> & { owner: string; sessionId: string | null };

/** The new memory, or the update of the memory that states the same fact. */
async function memoryOf(context: MemoryContext, fact: Fact): Promise<MemoryRow | Refusal> {
  const { database, newId } = context;
  const { owner, sessionId, text: words, expiresInSeconds } = fact;
  const updatedAt = new Date(context.now());
  const existing = await sameMemory(database, { owner, sessionId, now: updatedAt }, words);
  const { maxMemories } = context.quotas.limitsOf(owner);
  if (existing === null && maxMemories !== null) {
    const used = await countMemories(database.reader, owner);
    if (used >= maxMemories) {
      return quotaReached(
        'memoriesPerOwner',
        { used, allowed: maxMemories },
        'memories are stored',
        'Forget some first.',
      );
    }
  }
  return {
    id: existing?.id ?? newId('memory'),
    owner,
    sessionId,
    text: words,
    tags: tagsOf(existing, fact.tags ?? []),
    createdAt: existing?.createdAt ?? updatedAt,
    updatedAt,
    expiresAt: expiresInSeconds == null ? null : new Date(updatedAt.getTime() + expiresInSeconds * 1000),
  };
}

/** The new tags, followed by the existing ones up to the limit. */
function tagsOf(existing: MemoryRow | null, tags: readonly string[]): string[] {
  return [...new Set([...tags, ...(existing?.tags ?? [])])].slice(0, limits.MEMORY_TAGS);
}

export type Forgotten = { kind: 'forgotten'; memoryId: string };

export async function forget(
  { database }: CommandContext,
  { principal }: Viewer,
  { memoryId }: { memoryId: string },
): Promise<Forgotten | Refusal> {
  return (await forgetMemory(database, principal, memoryId))
    ? { kind: 'forgotten', memoryId }
    : notFound('memory', memoryId);
}

/** The viewer's memories that match a query, best first. Takes any text. */
export function findMemories(
  context: Pick<CommandContext, 'database' | 'now' | 'semanticSearch'>,
  { principal: owner }: Pick<Viewer, 'principal'>,
  { query, sessionId, limit }: { query: string; sessionId: string | null; limit: number },
): Promise<FoundMemory[]> {
  return recallMemories(context, { owner, sessionId, text: storableText(query), limit });
}
