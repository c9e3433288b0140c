import type { Database } from './database.ts';
import type { Statement } from './statement.ts';

const size: Statement<{ bytes: number }> = {
  columns: { bytes: 'bigint' },
  sqlite: 'SELECT "page_count" * "page_size" FROM pragma_page_count(), pragma_page_size()',
  postgresql: 'SELECT pg_database_size(current_database())',
};

/** Size of the database; of SQLite without its write-ahead log. Rejects with a StoreError. */
export async function databaseBytes(database: Pick<Database, 'query'>): Promise<number> {
  const [row] = await database.query(size);
  return row?.bytes ?? 0;
}
