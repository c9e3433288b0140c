import pg from 'pg';
import { applyMigrations, migrationNames } from '../migrations.ts';
import { PostgresMigrations } from './migration-adapter.ts';
import { connectionOptions } from './pools.ts';

/** Any number that nothing else in the database uses. */
const LOCK = 7_081_971;

/**
 * Brings the database to the newest migration. Servers that start together do it one after the other: the lock is one of a
 * transaction, which a pooler keeps on one connection.
 */
export async function migratePostgres(url: string): Promise<void> {
  const connection = new pg.Client(connectionOptions(url));
  // Whoever waits for it learns of a broken connection by its query.
  connection.on('error', () => undefined);
  await connection.connect();
  try {
    if (await isUpToDate(connection)) return;
    await connection.query('BEGIN');
    await connection.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
    if (!(await isUpToDate(connection))) await applyMigrations('postgresql', new PostgresMigrations(url));
    await connection.query('COMMIT');
  } finally {
    await connection.end();
  }
}

/** Spares most starts the engine, which takes a tenth of a second and locks of a session. */
async function isUpToDate(connection: pg.Client): Promise<boolean> {
  const { rows: tables } = await connection.query<{ name: string | null }>(
    `SELECT to_regclass('"_prisma_migrations"')::text AS "name"`,
  );
  if (!tables[0]?.name) return false;
  const { rows } = await connection.query<{ name: string }>(
    'SELECT migration_name AS "name" FROM "_prisma_migrations" WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
  );
  const applied = new Set(rows.map(({ name }) => name));
  return (await migrationNames('postgresql')).every((name) => applied.has(name));
}
