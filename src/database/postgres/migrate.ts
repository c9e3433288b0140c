import pg from 'pg';
import type { Clock } from '../../clock.ts';
import { StartError } from '../../config/start-error.ts';
import { applyMigrations, checkMigrated, type Migration } from '../migrations.ts';
import { connectionOptions, nameOf, SERVER_NAME } from './pools.ts';

/** Any number that nothing else in the database uses. */
const LOCK = 7_081_971;

/** Unlike `SERVER_NAME`: servers that start together do not take each other for servers of another release. */
const MIGRATOR_NAME = 'runtape-migration';

/** Connections of servers to the database. An application name is visible to every role. */
const COUNT_SERVER_CONNECTIONS = `
  SELECT count(*)::int AS "count" FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1`;

/** Postgres needs some time to close the connections of a server that has stopped. */
const CLOSING_MILLISECONDS = 5000;
const PAUSE_MILLISECONDS = 100;

/**
 * Applies the missing migrations. Servers that start together take turns: the lock belongs to a transaction, which even a
 * transaction pooler keeps on one connection. Throws a StartError as `applyMigrations` does, also if servers use the database, which
 * are older if a migration is missing; and what the driver throws.
 * @param connect opens the first connection of a server. No other server applies migrations between the check and that.
 */
export async function migratePostgres(
  url: string,
  migrations: readonly Migration[],
  clock: Clock,
  connect: () => Promise<unknown> = async () => undefined,
): Promise<void> {
  const client = new pg.Client(connectionOptions(url, MIGRATOR_NAME));
  // The query in progress reports a broken connection.
  client.on('error', () => undefined);
  await client.connect();
  const connection = {
    provider: 'postgresql' as const,
    databaseName: nameOf(url),
    query: async (sql: string, parameters?: string[]) => (await client.query(sql, parameters)).rows,
    async assertUnused() {
      const countConnections = async () => {
        // A transaction sees the connections of its first look.
        await client.query('SELECT pg_stat_clear_snapshot()');
        const { rows } = await client.query<{ count: number }>(COUNT_SERVER_CONNECTIONS, [SERVER_NAME]);
        return rows[0]?.count ?? 0;
      };
      let count = await countConnections();
      for (const end = clock.elapsed() + CLOSING_MILLISECONDS; count > 0 && clock.elapsed() < end; ) {
        await clock.sleep(PAUSE_MILLISECONDS);
        count = await countConnections();
      }
      if (count === 0) return;
      throw new StartError(
        `The database ${nameOf(url)} lacks migrations of this release, and servers of an earlier one use it (${count} connections). ` +
          'Releases with different migrations cannot run together. Stop the earlier servers, then start this one: see docs/upgrading.md.',
      );
    },
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
    // Whoever migrates next sees this server, or this one sees the migration.
    await connection.transaction(async () => {
      await checkMigrated(connection, migrations);
      await connect();
    });
  } finally {
    await client.end();
  }
}
