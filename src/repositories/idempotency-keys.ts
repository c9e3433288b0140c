import { batchInsert, databaseTime, type RowWrite } from '../database/batch-statement.ts';
import type { Client, Database } from '../database/database.ts';
import type { IdempotencyKey } from '../database/generated/sqlite/client.ts';

export type IdempotencyKeyRow = IdempotencyKey;

const insertStatement = batchInsert({
  name: 'insert idempotency key',
  order: 12,
  table: 'IdempotencyKey',
  columns: {
    principal: 'text',
    key: 'text',
    digest: 'text',
    sessionId: 'text',
    runId: 'text',
    seq: 'int',
    createdAt: 'timestamp',
  },
  key: ['principal', 'key'],
  replace: [],
  onConflict: 'refuse',
});

interface NewIdempotencyKey {
  principal: string;
  key: string;
  /** SHA-256 of the input, in hex. */
  digest: string;
  sessionId: string;
  runId: string;
  seq: number;
  /** Epoch milliseconds. */
  createdAt: number;
}

export function insertIdempotencyKey(row: NewIdempotencyKey): RowWrite {
  return { statement: insertStatement, row: { ...row, createdAt: databaseTime(row.createdAt) } };
}

export function findIdempotencyKey(reader: Client, principal: string, key: string): Promise<IdempotencyKeyRow | null> {
  return reader.idempotencyKey.findUnique({ where: { principal_key: { principal, key } } });
}

/** Drops keys made before a time; returns how many. */
export async function dropIdempotencyKeys(database: Database, before: Date): Promise<number> {
  const { count } = await database.write((client) =>
    client.idempotencyKey.deleteMany({ where: { createdAt: { lt: before } } }),
  );
  return count;
}
