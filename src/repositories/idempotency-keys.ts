import type { Client, Database } from '../database/database.ts';
import type { IdempotencyKey } from '../database/generated/sqlite/client.ts';
import { defineTable } from '../database/table.ts';

export type IdempotencyKeyRow = IdempotencyKey;

const idempotencyKeys = defineTable<IdempotencyKeyRow>('IdempotencyKey', {
  principal: 'text',
  key: 'text',
  digest: 'text',
  sessionId: 'text',
  runId: 'text',
  seq: 'int',
  createdAt: 'timestamp',
});

/** A key that the principal has used before is refused by the database. */
export const insertIdempotencyKey = idempotencyKeys.insert({ order: 12 });

export function findIdempotencyKey(reader: Client, principal: string, key: string): Promise<IdempotencyKeyRow | null> {
  return reader.idempotencyKey.findUnique({ where: { principal_key: { principal, key } } });
}

/** Deletes keys that were created before a time. Returns their number. */
export async function dropIdempotencyKeys(database: Database, before: Date): Promise<number> {
  const { count } = await database.write((client) =>
    client.idempotencyKey.deleteMany({ where: { createdAt: { lt: before } } }),
  );
  return count;
}
