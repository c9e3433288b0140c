import pg from 'pg';
import type { Clock } from '../../clock.ts';
import { applyMigrations, type Migration } from '../migrations.ts';
import { connectionOptions, nameOf } from './pools.ts';

/** Any number that nothing else in the database uses. */
const LOCK = 7_081_971;

/**
 * Applies the missing migrations. Servers that start together take turns: the lock belongs to a transaction, which even a
 * transaction pooler keeps on one connection. Throws a StartError as `applyMigrations` does, and what the driver throws.
 */
export async function migratePostgres(url: string, migrations: readonly Migration[], clock: Clock): Promise<void> {
  const client = new pg.Client(connectionOptions(url));
  // The query in progress reports a broken connection.
  client.on('error', () => undefined);
  await client.connect();
  const connection = {
    provider: 'postgresql' as const,
    databaseName: nameOf(url),
    query: async (sql: string, parameters?: string[]) => (await client.query(sql, parameters)).rows,
    // Without parameters the driver uses the simple protocol, which takes several statements.
    runScript: async (sql: string) => void (await client.query(sql)),
    async transaction(work: () => Promise<void>) {
      await client.query('BEGIN');
      try {
        await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
        await work();
        await client.query('COMMIT');
      } catch (error) {
        await client.query('ROLLBACK').catch(() => undefined);
        throw error;
      }
    },
  };
  try {
    await applyMigrations(connection, migrations, clock);
  } finally {
    await client.end();
  }
}
