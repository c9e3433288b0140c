import {
  type BatchStatement,
  batchInsert,
  databaseTime,
  groupRows,
  optionalDatabaseTime,
  type RowWrite,
} from '../../database/batch-statement.ts';
import type { Database } from '../../database/database.ts';
import { lockName } from '../../database/locks.ts';
import type { Refusal } from '../../domain/refusal.ts';
import { memoryPassages } from '../search/index-rows.ts';

export interface NewMemory {
  id: string;
  owner: string;
  sessionId: string | null;
  text: string;
  tags: string[];
  createdAt: Date;
  updatedAt: Date;
  expiresAt: Date | null;
}

/** Said again, a memory keeps its id, its scope and the time of its making. */
const saveStatement = batchInsert({
  name: 'save memory',
  order: 75,
  table: 'Memory',
  columns: {
    id: 'text',
    owner: 'text',
    sessionId: 'text',
    text: 'text',
    tags: 'text',
    createdAt: 'timestamp',
    updatedAt: 'timestamp',
    expiresAt: 'timestamp',
  },
  key: ['id'],
  replace: ['text', 'tags', 'updatedAt', 'expiresAt'],
  onConflict: 'replace',
});

/** What was computed from another text. */
const forgetVector: BatchStatement = {
  name: 'forget vector',
  order: 76,
  distinct: ['memoryId'],
  sqlite: `DELETE FROM "Embedding" WHERE "memoryId" IN (SELECT element.value ->> 'memoryId' FROM json_each(?) AS element)`,
  postgresql: `DELETE FROM "Embedding" WHERE "memoryId" IN (
    SELECT element."memoryId" FROM jsonb_to_recordset($1::jsonb) AS element("memoryId" text))`,
};

/**
 * Stores the memory that `decide` gives, together with its place in the index. Meanwhile no other server stores one of this
 * owner, so that what `decide` finds still holds. It may be asked again. Resolves when the memory is durable.
 */
export function saveMemory(
  database: Database,
  owner: string,
  decide: () => Promise<NewMemory | Refusal>,
): Promise<NewMemory | Refusal> {
  return database.write((client) =>
    client.$transaction(async (transaction) => {
      await lockName(database, transaction, `memories of ${owner}`);
      const memory = await decide();
      if ('kind' in memory) return memory;
      for (const { sql, rows } of groupRows(rowsOf(memory), database.provider)) {
        await transaction.$executeRawUnsafe(sql, rows);
      }
      return memory;
    }),
  );
}

function rowsOf(memory: NewMemory): RowWrite[] {
  const { createdAt, updatedAt, expiresAt } = memory;
  const row = {
    id: memory.id,
    owner: memory.owner,
    sessionId: memory.sessionId,
    text: memory.text,
    tags: JSON.stringify(memory.tags),
    createdAt: databaseTime(createdAt.getTime()),
    updatedAt: databaseTime(updatedAt.getTime()),
    expiresAt: optionalDatabaseTime(expiresAt?.getTime() ?? null),
  };
  return [
    { statement: saveStatement, row },
    { statement: forgetVector, row: { memoryId: memory.id } },
    ...memoryPassages(memory),
  ];
}

/** Whether there was one of this owner. */
export function forgetMemory(database: Database, owner: string, id: string): Promise<boolean> {
  return database.write((client) =>
    client.$transaction(async (transaction) => {
      const { count } = await transaction.memory.deleteMany({ where: { id, owner } });
      if (count > 0) await transaction.passage.deleteMany({ where: { sourceId: id } });
      return count > 0;
    }),
  );
}

/** Memories that are dropped in one transaction. */
const DROPPED = 200;

/** Deletes memories whose time is over; returns how many. */
export async function dropExpiredMemories(database: Database, now: Date): Promise<number> {
  for (let dropped = 0; ; ) {
    const expired = await database.reader.memory.findMany({
      where: { expiresAt: { lte: now } },
      orderBy: { expiresAt: 'asc' },
      take: DROPPED,
      select: { id: true },
    });
    const ids = expired.map(({ id }) => id);
    if (ids.length === 0) return dropped;
    dropped += await database.write((client) =>
      client.$transaction(async (transaction) => {
        // One that was said again meanwhile lives on.
        const { count } = await transaction.memory.deleteMany({ where: { id: { in: ids }, expiresAt: { lte: now } } });
        const kept = await transaction.memory.findMany({ where: { id: { in: ids } }, select: { id: true } });
        const sourceId = { in: ids, notIn: kept.map(({ id }) => id) };
        await transaction.passage.deleteMany({ where: { sourceId } });
        return count;
      }),
    );
  }
}
