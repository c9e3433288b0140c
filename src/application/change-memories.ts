import { z } from 'zod';
import * as limits from '../config/limits.ts';
import { isRefusal, limitExceeded, notFound, type Refusal } from '../domain/refusal.ts';
import { countMemories, type MemoryRow, sameMemory } from '../repositories/memory/memories.ts';
import { forgetMemory, type NewMemory, saveMemory } from '../repositories/memory/memory-writes.ts';
import { sessionById } from '../repositories/sessions.ts';
import type { CommandContext, Viewer } from './command-context.ts';
import { parseInput, text } from './parse-input.ts';

const schema = z.object({
  text: text(limits.MEMORY_BYTES),
  tags: z.array(text(limits.TAG_CHARACTERS)).max(limits.MEMORY_TAGS).nullish(),
  sessionId: z.string().nullish(),
  expiresInSeconds: z
    .int()
    .positive('must be at least 1')
    .max(limits.MEMORY_SECONDS, `must be at most ${limits.MEMORY_SECONDS}`)
    .nullish(),
});

export type Remembered = { kind: 'remembered'; memoryId: string };

type MemoryContext = Pick<CommandContext, 'database' | 'newId' | 'now' | 'mutex' | 'semanticSearch'>;

/** Stores a fact for the owner, in every session or in one. A fact that is known there already is brought up to date. */
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
  const fact = { ...parsed.input, owner, sessionId };
  // One at a time, so that the same fact told twice at once is stored once; here first, so that few wait in the database.
  const saved = await context.mutex.run(`memories of ${owner}`, () =>
    saveMemory(context.database, owner, () => memoryOf(context, fact)),
  );
  if ('kind' in saved) return saved;
  context.semanticSearch.saved();
  return { kind: 'remembered', memoryId: saved.id };
}

type Fact = Omit<z.infer<typeof schema>, 'sessionId'> & { owner: string; sessionId: string | null };

/** The new memory, or what becomes of the one that says the same. */
async function memoryOf(context: MemoryContext, fact: Fact): Promise<NewMemory | Refusal> {
  const { database, newId } = context;
  const { owner, sessionId, text: words, expiresInSeconds } = fact;
  const updatedAt = new Date(context.now());
  const known = await sameMemory(database, { owner, sessionId, now: updatedAt }, words);
  if (known === null && (await countMemories(database.reader, owner)) >= limits.MEMORIES_PER_OWNER) {
    return limitExceeded('memoriesPerOwner', `There are ${limits.MEMORIES_PER_OWNER} memories; forget some first.`);
  }
  return {
    id: known?.id ?? newId('memory'),
    owner,
    sessionId,
    text: words,
    tags: tagsOf(known, fact.tags ?? []),
    createdAt: known?.createdAt ?? updatedAt,
    updatedAt,
    expiresAt: expiresInSeconds == null ? null : new Date(updatedAt.getTime() + expiresInSeconds * 1000),
  };
}

/** The new tags, and those there were as far as there is room. */
function tagsOf(known: MemoryRow | null, tags: readonly string[]): string[] {
  return [...new Set([...tags, ...(known?.tags ?? [])])].slice(0, limits.MEMORY_TAGS);
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
