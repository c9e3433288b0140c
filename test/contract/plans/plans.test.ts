import { expect, test } from 'vitest';
import { openStore as openPostgresStore } from '../stores/postgres-store.ts';
import { openStore as openSqliteStore } from '../stores/sqlite-store.ts';
import { fillDatabase } from './filled-database.ts';
import { executeHotStatements } from './hot-statements.ts';
import { postgresScans, recordPostgres, recordSqlite, sqlitePlans, sqliteScans } from './plans.ts';

/** So many statements are recorded at least. Fewer would mean that the recording misses some. */
const LEAST_STATEMENTS = 50;

test('no hot statement reads a whole table on SQLite', async () => {
  const { path, database, journal } = await openSqliteStore();
  await fillDatabase(database);
  const { statements, stop } = recordSqlite();
  await executeHotStatements(database, journal);
  stop();
  expect(statements.length).toBeGreaterThan(LEAST_STATEMENTS);
  expect(sqliteScans(path, statements)).toEqual([]);
});

test.each(['Session', 'Run'])('B69: a filter by metadata of a %s reads its index', async (table) => {
  const { path, database, journal } = await openSqliteStore();
  await fillDatabase(database);
  const { statements, stop } = recordSqlite();
  await executeHotStatements(database, journal);
  stop();
  const plans = sqlitePlans(path, statements, `FROM "${table}Metadata"`);
  expect(plans.length).toBeGreaterThan(1);
  const index = `SEARCH ${table}Metadata USING COVERING INDEX ${table}Metadata_owner_digest_${table.toLowerCase()}Id_idx (owner=? AND digest=?)`;
  for (const plan of plans) expect(plan).toContain(index);
});

test('no hot statement reads a whole table on Postgres', async () => {
  const { url, database, journal } = await openPostgresStore();
  await fillDatabase(database);
  const { statements, stop } = recordPostgres();
  await executeHotStatements(database, journal);
  stop();
  expect(statements.length).toBeGreaterThan(LEAST_STATEMENTS);
  expect(await postgresScans(url, statements)).toEqual([]);
});
