import { z } from 'zod';
import * as limits from '../config/limits.ts';
import { isRefusal, limitExceeded, notFound, type Refusal } from '../domain/refusal.ts';
import { countMemories, forgetMemory, saveMemory } from '../projections/memories.ts';
import { sessionById } from '../projections/sessions.ts';
import type { CommandContext, Viewer } from './command-context.ts';
import { parseInput, text } from './parse-input.ts';

const schema = z.object({
  text: text(limits.MEMORY_BYTES),
  tags: z.array(text(limits.TAG_CHARACTERS)).max(limits.MEMORY_TAGS).nullish(),
  sessionId: z.string().nullish(),
  expiresInSeconds: z.int().positive('must be at least 1').nullish(),
});

export type Remembered = { kind: 'remembered'; memoryId: string };

/** Stores a fact for the owner, in every session or in one. */
export async function remember(
  { database, newId, now }: Pick<CommandContext, 'database' | 'newId' | 'now'>,
  { principal: owner }: Pick<Viewer, 'principal'>,
  raw: z.input<typeof schema>,
): Promise<Remembered | Refusal> {
  const parsed = parseInput(schema, raw);
  if (isRefusal(parsed)) return parsed;
  const { tags, expiresInSeconds } = parsed.input;
  const sessionId = parsed.input.sessionId ?? null;
  if (sessionId !== null && !(await sessionById(database.reader, owner, sessionId))) {
    return notFound('session', sessionId);
  }
  if ((await countMemories(database.reader, owner)) >= limits.MEMORIES_PER_OWNER) {
    return limitExceeded('memoriesPerOwner', `There are ${limits.MEMORIES_PER_OWNER} memories; forget some first.`);
  }
  const memory = {
    ...{ id: newId('memory'), owner, sessionId, text: parsed.input.text, tags: tags ?? [] },
    createdAt: new Date(now()),
    expiresAt: expiresInSeconds == null ? null : new Date(now() + expiresInSeconds * 1000),
  };
  await saveMemory(database, memory);
  return { kind: 'remembered', memoryId: memory.id };
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
