import pg from 'pg';
import { hasEveryMigration } from '../migration-files.ts';
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
    if (!(await isUpToDate(connection))) await migrate(url);
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
  return hasEveryMigration(
    'postgresql',
    rows.map(({ name }) => name),
  );
}

/** Loaded where it is needed: most starts find nothing to do. */
async function migrate(url: string): Promise<void> {
  const { applyMigrations } = await import('../migrations.ts');
  const { PostgresMigrations } = await import('./migration-adapter.ts');
  await applyMigrations('postgresql', new PostgresMigrations(url));
}
