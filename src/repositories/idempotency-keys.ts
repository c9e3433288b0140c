import type { Client, Database } from '../database/database.ts';
import type { IdempotencyKey } from '../database/generated/sqlite/client.ts';
import { defineTable } from '../database/table.ts';

export type IdempotencyKeyRow = IdempotencyKey;

const idempotencyKeys = defineTable<IdempotencyKeyRow>('IdempotencyKey', {
  principal: 'text',
  mutation: 'text',
  key: 'text',
  digest: 'text',
  resultId: 'text',
  sessionId: 'text',
  seq: 'int',
  createdAt: 'timestamp',
});

/** A key that the principal has used before with this mutation is refused by the database. */
export const insertIdempotencyKey = idempotencyKeys.insert({ order: 12 });

export function findIdempotencyKey(
  reader: Client,
  principal_mutation_key: { principal: string; mutation: string; key: string },
): Promise<IdempotencyKeyRow | null> {
  return reader.idempotencyKey.findUnique({ where: { principal_mutation_key } });
}

/** Deletes keys that were created before a time. Returns their number. */
export async function dropIdempotencyKeys(database: Database, before: Date): Promise<number> {
  const { count } = await database.write((client) =>
    client.idempotencyKey.deleteMany({ where: { createdAt: { lt: before } } }),
  );
  return count;
}
