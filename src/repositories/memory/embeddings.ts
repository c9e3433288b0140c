import { type BatchStatement, databaseTime } from '../../database/batch-statement.ts';
import type { Database } from '../../database/database.ts';
import { cosineSimilarity } from '../../domain/search/vectors.ts';
import { type MemoriesQuery, visibleMemory } from './memories.ts';

/** Vectors that are compared in one turn of the event loop. */
const COMPARED_AT_A_TIME = 1000;
/** Below, two texts have nothing to do with each other, whatever the model. */
const LEAST_LIKENESS = 0.25;

/** Ids of the visible memories that stand next to a vector of the same model, the nearest first. */
export async function nearestMemories(
  { reader }: Database,
  query: MemoriesQuery,
  { model, vector }: { model: string; vector: Int8Array },
  limit: number,
): Promise<string[]> {
  let nearest: { id: string; likeness: number }[] = [];
  for (let after = ''; ; ) {
    const page = await reader.embedding.findMany({
      where: { model, memoryId: { gt: after }, memory: visibleMemory(query) },
      orderBy: { memoryId: 'asc' },
      take: COMPARED_AT_A_TIME,
      select: { memoryId: true, vector: true },
    });
    const compared = page.map(({ memoryId: id, vector: bytes }) => ({
      id,
      likeness: cosineSimilarity(vector, signed(bytes)),
    }));
    nearest = [...nearest, ...compared.filter((each) => each.likeness >= LEAST_LIKENESS)]
      .sort((left, right) => right.likeness - left.likeness || (left.id < right.id ? 1 : -1))
      .slice(0, limit);
    after = page.at(-1)?.memoryId ?? '';
    if (page.length < COMPARED_AT_A_TIME) return nearest.map(({ id }) => id);
  }
}

const signed = (bytes: Uint8Array) => new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export interface UnembeddedMemory {
  id: string;
  text: string;
  tags: string[];
  updatedAt: Date;
}

/** Memories without a vector of this model, the newest first. */
export async function unembeddedMemories(
  { reader }: Database,
  model: string,
  limit: number,
): Promise<UnembeddedMemory[]> {
  const rows = await reader.memory.findMany({
    where: { OR: [{ embedding: null }, { embedding: { model: { not: model } } }] },
    orderBy: { id: 'desc' },
    take: limit,
    select: { id: true, text: true, tags: true, updatedAt: true },
  });
  return rows.map(({ tags, ...memory }) => ({ ...memory, tags: JSON.parse(tags) }));
}

/** A memory that was said anew meanwhile, or forgotten, gets no vector of what it was. */
const placeStatement: BatchStatement = {
  name: 'place memory',
  order: 90,
  distinct: ['memoryId'],
  sqlite: `INSERT INTO "Embedding" ("memoryId", "model", "vector")
    SELECT "Memory"."id", element.value ->> 'model', unhex(element.value ->> 'vector')
    FROM json_each(?) AS element JOIN "Memory" ON "Memory"."id" = element.value ->> 'memoryId'
    WHERE "Memory"."updatedAt" = element.value ->> 'updatedAt'
    ON CONFLICT ("memoryId") DO UPDATE SET "model" = excluded."model", "vector" = excluded."vector"`,
  postgresql: `INSERT INTO "Embedding" ("memoryId", "model", "vector")
    SELECT "Memory"."id", element."model", decode(element."vector", 'hex')
    FROM jsonb_to_recordset($1::jsonb) AS element("memoryId" text, "model" text, "vector" text, "updatedAt" timestamp)
    JOIN "Memory" ON "Memory"."id" = element."memoryId"
    WHERE "Memory"."updatedAt" = element."updatedAt"
    ON CONFLICT ("memoryId") DO UPDATE SET "model" = excluded."model", "vector" = excluded."vector"`,
};

/** @param vectors one for each memory; an empty one says that the model does not take its text */
export async function saveEmbeddings(
  database: Database,
  model: string,
  memories: readonly UnembeddedMemory[],
  vectors: readonly Int8Array[],
): Promise<void> {
  await database.commit(
    memories.map(({ id: memoryId, updatedAt }, index) => {
      const vector = Buffer.from(vectors[index] ?? []).toString('hex');
      return {
        statement: placeStatement,
        row: { memoryId, model, vector, updatedAt: databaseTime(updatedAt.getTime()) },
      };
    }),
  );
}
