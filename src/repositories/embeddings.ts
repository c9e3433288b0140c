import { batchWriter } from '../database/batch-statement.ts';
import type { Database } from '../database/database.ts';
import { cosineSimilarity } from '../domain/search/vectors.ts';
import { type MemoriesQuery, visibleMemory } from './memories.ts';

/** Vectors that are compared in one turn of the event loop. */
const COMPARED_AT_A_TIME = 1000;
/** Texts below this similarity are unrelated, with any model. */
const MIN_SIMILARITY = 0.25;

/** Ids of the visible memories that are most similar to a vector of the same model, most similar first. */
export async function nearestMemories(
  { reader }: Database,
  query: MemoriesQuery,
  { model, vector }: { model: string; vector: Int8Array },
  limit: number,
): Promise<string[]> {
  let nearest: { id: string; similarity: number }[] = [];
  for (let after = ''; ; ) {
    const page = await reader.embedding.findMany({
      where: { model, memoryId: { gt: after }, memory: visibleMemory(query) },
      orderBy: { memoryId: 'asc' },
      take: COMPARED_AT_A_TIME,
      select: { memoryId: true, vector: true },
    });
    const compared = page.map(({ memoryId: id, vector: bytes }) => ({
      id,
      similarity: cosineSimilarity(vector, signed(bytes)),
    }));
    nearest = [...nearest, ...compared.filter((each) => each.similarity >= MIN_SIMILARITY)]
      .sort((left, right) => right.similarity - left.similarity || (left.id < right.id ? 1 : -1))
      .slice(0, limit);
    after = page.at(-1)?.memoryId ?? '';
    if (page.length < COMPARED_AT_A_TIME) return nearest.map(({ id }) => id);
  }
}

const signed = (bytes: Uint8Array) => new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export interface UnembeddedMemory {
  id: string;
  owner: string;
  /** Null for a memory of the owner in all sessions. */
  sessionId: string | null;
  text: string;
  tags: string[];
  updatedAt: Date;
}

/** Memories without a vector of this model, newest first. @param before only older ones than this memory; null for all */
export async function unembeddedMemories(
  { reader }: Database,
  model: string,
  limit: number,
  before: string | null,
): Promise<UnembeddedMemory[]> {
  const rows = await reader.memory.findMany({
    where: {
      OR: [{ embedding: null }, { embedding: { model: { not: model } } }],
      ...(before === null ? {} : { id: { lt: before } }),
    },
    orderBy: { id: 'desc' },
    take: limit,
    select: { id: true, owner: true, sessionId: true, text: true, tags: true, updatedAt: true },
  });
  return rows.map(({ tags, ...memory }) => ({ ...memory, tags: JSON.parse(tags) }));
}

/** Does not store the vector of a memory that was changed or deleted meanwhile. */
const saveEmbedding = batchWriter<{ memoryId: string; model: string; vector: string; updatedAt: Date }>(
  {
    order: 90,
    distinct: ['memoryId'],
    columns: { memoryId: 'text', model: 'text', vector: 'text', updatedAt: 'timestamp' },
  },
  ({ dialect, rows, value }) => `INSERT INTO "Embedding" ("memoryId", "model", "vector")
    SELECT "Memory"."id", ${value('model')},
      ${dialect === 'sqlite' ? `unhex(${value('vector')})` : `decode(${value('vector')}, 'hex')`}
    FROM ${rows} JOIN "Memory" ON "Memory"."id" = ${value('memoryId')}
    WHERE "Memory"."updatedAt" = ${value('updatedAt')}
    ON CONFLICT ("memoryId") DO UPDATE SET "model" = excluded."model", "vector" = excluded."vector"`,
);

/** @param vectors one for each memory; an empty one records that the model refused the text */
export async function saveEmbeddings(
  database: Database,
  model: string,
  memories: readonly UnembeddedMemory[],
  vectors: readonly Int8Array[],
): Promise<void> {
  await database.commit(
    memories.map(({ id: memoryId, updatedAt }, index) => {
      const vector = Buffer.from(vectors[index] ?? []).toString('hex');
      return saveEmbedding({ memoryId, model, vector, updatedAt });
    }),
  );
}
