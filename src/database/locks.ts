import type { Client, Database } from './database.ts';

type Transaction = Pick<Client, '$queryRawUnsafe'>;

/**
 * Locks the session's row until the transaction ends. SQLite runs one writing transaction at a time and needs no lock.
 */
export async function lockSession({ provider }: Database, transaction: Transaction, id: string): Promise<void> {
  if (provider === 'sqlite') return;
  await transaction.$queryRawUnsafe('SELECT 1 FROM "Session" WHERE "id" = $1 FOR UPDATE', id);
}

/** Holds a lock of this name until the transaction ends. SQLite needs none, as above. */
export async function lockName({ provider }: Database, transaction: Transaction, name: string): Promise<void> {
  if (provider === 'sqlite') return;
  // The Prisma client cannot read the function's result type, void.
  await transaction.$queryRawUnsafe('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))::text', name);
}

/** Locks rows by their ids until the transaction ends, also against rows that would refer to them. SQLite needs no lock, as above. */
export async function lockRows(
  { provider }: Database,
  transaction: Transaction,
  table: 'Attachment' | 'Blob',
  ids: readonly string[],
): Promise<void> {
  if (provider === 'sqlite' || ids.length === 0) return;
  // In the order of the ids, so that two transactions cannot deadlock.
  await transaction.$queryRawUnsafe(
    `SELECT 1 FROM "${table}" WHERE "id" IN (SELECT jsonb_array_elements_text($1::jsonb)) ORDER BY "id" FOR UPDATE`,
    JSON.stringify(ids),
  );
}
