import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { openSqlite } from '../../../src/database/sqlite/sqlite.ts';
import { createDatabaseJournal } from '../../../src/journal/database-journal.ts';
import { copyTemplate } from '../../sqlite-files.ts';
import { openStore as openPostgresStore } from '../stores/postgres-store.ts';
import { fillDatabase } from './filled-database.ts';
import { executeHotStatements } from './hot-statements.ts';
import { postgresScans, recordPostgres, recordSqlite, sqlitePlans, sqliteScans } from './plans.ts';

/** So many statements are recorded at least. Fewer would mean that the recording misses some. */
const LEAST_STATEMENTS = 50;

test('B69: no hot statement reads a whole table on SQLite, and filters by metadata read their indexes', async () => {
  const path = await copyTemplate();
  // No statement runs in another thread, where it would not be recorded.
  const database = await openSqlite({ url: `file:${path}`, durability: 'full', smallBytes: Number.POSITIVE_INFINITY });
  onTestFinished(() => database.close());
  await fillDatabase(database);
  const { statements, stop } = recordSqlite();
  await executeHotStatements(database, createDatabaseJournal(database, systemClock));
  stop();
  expect(statements.length).toBeGreaterThan(LEAST_STATEMENTS);
  expect(sqliteScans(path, statements)).toEqual([]);
  for (const table of ['Session', 'Run']) {
    const plans = sqlitePlans(path, statements, `FROM "${table}Metadata"`);
    expect(plans.length).toBeGreaterThan(1);
    const index = `SEARCH ${table}Metadata USING COVERING INDEX ${table}Metadata_owner_digest_${table.toLowerCase()}Id_idx (owner=? AND digest=?)`;
    for (const plan of plans) expect(plan).toContain(index);
  }
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
