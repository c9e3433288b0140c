import { z } from 'zod';
import { invalidInput, isRefusal, notFound, type Refusal } from '../domain/refusal.ts';
import { type MemoryRow, memoriesByIds, sameMemory, saveMemory } from '../repositories/memories.ts';
import type { CommandContext, Viewer } from './command-context.ts';
import { memoryTags, memoryText } from './memories.ts';
import { parseInput } from './parse-input.ts';

const schema = z
  .object({ memoryId: z.string(), text: memoryText.nullish(), tags: memoryTags.nullish() })
  .refine(({ text, tags }) => text != null || tags != null, {
    path: ['text'],
    message: 'give `text`, `tags`, or both',
  });

export type UpdatedMemory = { kind: 'updated'; memoryId: string };

/** Replaces text or tags of a memory that has not expired. Another memory of the same scope must not state the same fact. */
export async function updateMemory(
  context: Pick<CommandContext, 'database' | 'now' | 'mutex' | 'semanticSearch'>,
  { principal: owner }: Pick<Viewer, 'principal'>,
  raw: z.input<typeof schema>,
): Promise<UpdatedMemory | Refusal> {
  const parsed = parseInput(schema, raw);
  if (isRefusal(parsed)) return parsed;
  const { memoryId } = parsed.input;
  const { database, mutex, semanticSearch } = context;
  // In turn with `remember`, as there.
  const saved = await mutex.run(`memories of ${owner}`, () =>
    saveMemory(
      database,
      owner,
      () => changedMemory(context, owner, parsed.input),
      () => [],
    ),
  );
  if ('kind' in saved) return saved;
  semanticSearch.saved();
  return { kind: 'updated', memoryId };
}

async function changedMemory(
  { database, now }: Pick<CommandContext, 'database' | 'now'>,
  owner: string,
  { memoryId, text, tags }: z.output<typeof schema>,
): Promise<MemoryRow | Refusal> {
  const updatedAt = new Date(now());
  const [memory] = await memoriesByIds(database.reader, owner, [memoryId]);
  if (!memory || (memory.expiresAt !== null && memory.expiresAt <= updatedAt)) return notFound('memory', memoryId);
  const changed = { ...memory, text: text ?? memory.text, tags: tags ? [...new Set(tags)] : memory.tags, updatedAt };
  if (text == null) return changed;
  const scope = { owner, sessionId: memory.sessionId, now: updatedAt };
  const same = await sameMemory(database, scope, text, memoryId);
  if (same)
    return invalidInput(['text'], `memory ${same.id} states the same fact. Update that one, or forget it first`);
  return changed;
}
