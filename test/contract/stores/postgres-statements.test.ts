import { describe, expect, onTestFinished, test } from 'vitest';
import type { Database } from '../../../src/database/database.ts';
import { openPostgres } from '../../../src/database/postgres/postgres.ts';
import { createStatementNames } from '../../../src/database/postgres/statement-names.ts';
import { statement } from '../../../src/database/statement.ts';
import { createTestDatabase } from '../../postgres/test-database.ts';
import { row } from '../subject.ts';

const prepared = statement<{ text: string }>(
  { text: 'text' },
  () =>
    `SELECT "statement" FROM pg_prepared_statements WHERE "statement" LIKE '%prepared here%' OR "statement" LIKE '%"IdempotencyKey"%'`,
);
const reading = statement<{ id: string }>({ id: 'text' }, () => 'SELECT "runId" FROM "Tape" /* prepared here */');
const preparedByWriter = { ...prepared, writes: true };

/** Opens a new database with one connection for reading and one for writing. */
async function openStore(preparedStatements?: boolean): Promise<Database> {
  const url = await createTestDatabase();
  const database = await openPostgres({ url, durability: 'full', connections: 2, preparedStatements });
  onTestFinished(() => database.close());
  return database;
}

const texts = (rows: { text: string }[]) => rows.map(({ text }) => text).sort();

const planMode = statement<{ mode: string }>({ mode: 'text' }, () => `SELECT current_setting('plan_cache_mode')`);

describe('a connection to Postgres', () => {
  test('plans prepared statements each time, because kept plans become slow while tables grow', async () => {
    const database = await openStore();
    for (const each of [planMode, { ...planMode, writes: true }]) {
      expect(await database.query(each)).toEqual([{ mode: 'force_custom_plan' }]);
    }
  });

  test('prepares each statement once, whatever sends it', async () => {
    const database = await openStore();
    for (const time of [1, 2]) {
      await database.query(reading);
      await database.reader.idempotencyKey.count();
      await database.commit([row(`key ${time}`)]);
    }
    expect(texts(await database.query(prepared))).toEqual([
      expect.stringContaining('prepared here'),
      prepared.postgresql,
      expect.stringMatching(/^SELECT COUNT/),
    ]);
    expect(texts(await database.query(preparedByWriter))).toEqual([
      expect.stringMatching(/^INSERT/),
      prepared.postgresql,
    ]);
  });

  test('prepares none if that is switched off', async () => {
    const database = await openStore(false);
    await database.query(reading);
    await database.reader.idempotencyKey.count();
    await database.commit([row('key')]);
    expect(await database.query(prepared)).toEqual([]);
    expect(await database.query(preparedByWriter)).toEqual([]);
  });
});

test('the number of prepared statements is bounded', () => {
  const names = createStatementNames();
  const texts = Array.from({ length: 1000 }, (_, index) => `SELECT ${index}`);
  const named = texts.filter((text) => names(text) !== undefined);
  expect(named).toEqual(texts.slice(0, 400));
  expect(new Set(named.map(names)).size).toBe(400);
});
