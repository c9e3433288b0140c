import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { batchWriter, type RowWrite } from '../../../src/database/batch-statement.ts';
import type { Database } from '../../../src/database/database.ts';
import { openPostgres } from '../../../src/database/postgres/postgres.ts';
import { createStatementNames } from '../../../src/database/postgres/statement-names.ts';
import { keyed, statement } from '../../../src/database/statement.ts';
import { createTestDatabase } from '../../postgres/test-database.ts';
import { poll } from '../../until.ts';
import { row } from '../subject.ts';

const preparedTexts = `SELECT "statement" FROM pg_prepared_statements WHERE "statement" LIKE '%prepared here%'
  OR "statement" LIKE '%"IdempotencyKey"%'`;
const prepared = statement<{ text: string }>({ text: 'text' }, () => preparedTexts);
const reading = statement<{ id: string }>({ id: 'text' }, () => 'SELECT "runId" FROM "Tape" /* prepared here */');

/** Opens a new database with one connection of each kind. */
async function openStore(preparedStatements?: boolean): Promise<Database> {
  const url = await createTestDatabase();
  const database = await openPostgres({ url, durability: 'full', connections: 4, preparedStatements });
  onTestFinished(() => database.close());
  return database;
}

const texts = (rows: { text: string }[]) => rows.map(({ text }) => text).sort();

/** A commit that stores what a query finds on the connection of commits. */
const storeFound = (query: string): RowWrite =>
  batchWriter<{ key: string }>(
    { order: 90, columns: { key: 'text' } },
    ({ rows }) => `INSERT INTO "Purge" ("sessionId") SELECT found.* FROM (${query}) AS found, ${rows} WHERE true`,
  )({ key: '' });

/** The texts that the query finds on the connection of commits. */
async function foundByCommits(database: Database, query: string): Promise<string[]> {
  await database.write((client) => client.purge.deleteMany());
  await database.commit([storeFound(query)]);
  const found = await database.reader.purge.findMany();
  return found.map(({ sessionId }) => sessionId).sort();
}

const settingsOf = (...names: string[]) => names.map((name) => `current_setting('${name}')`).join(` || ' ' || `);

describe('a connection to Postgres', () => {
  test('plans prepared statements each time, because kept plans become slow while tables grow', async () => {
    const database = await openStore();
    const mode = statement<{ mode: string }>({ mode: 'text' }, () => `SELECT ${settingsOf('plan_cache_mode')}`);
    for (const each of [mode, { ...mode, writes: true }]) {
      expect(await database.query(each)).toEqual([{ mode: 'force_custom_plan' }]);
    }
  });

  test('plans keyed statements and those of commits once, along the indexes', async () => {
    const database = await openStore();
    const settings = settingsOf('plan_cache_mode', 'enable_seqscan', 'enable_hashjoin', 'enable_mergejoin', 'jit');
    const expected = 'force_generic_plan off off off off';
    const show = keyed(statement<{ settings: string }>({ settings: 'text' }, () => `SELECT ${settings}`));
    expect(await database.query(show)).toEqual([{ settings: expected }]);
    expect(await foundByCommits(database, `SELECT ${settings}`)).toEqual([expected]);
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
    expect(await foundByCommits(database, preparedTexts)).toEqual([
      expect.stringMatching(/^INSERT INTO "IdempotencyKey"/),
      expect.stringMatching(/^INSERT INTO "Purge"/),
    ]);
  });

  test('prepares none if that is switched off', async () => {
    const database = await openStore(false);
    await database.query(reading);
    await database.reader.idempotencyKey.count();
    await database.commit([row('key'), storeFound(preparedTexts)]);
    expect(await database.query(prepared)).toEqual([]);
    expect(await database.reader.purge.count()).toBe(0);
    expect(await database.reader.idempotencyKey.count()).toBe(1);
  });
});

describe('a commit in one message', () => {
  test('stores nothing if one of its statements fails, and later commits with the same statements succeed', async () => {
    const database = await openStore();
    const fails = storeFound(`SELECT (1 / 0)::text`);
    await expect(database.commit([row('first'), fails])).rejects.toMatchObject({ name: 'StoreError' });
    expect(await database.reader.idempotencyKey.count()).toBe(0);
    await database.commit([row('first'), storeFound(`SELECT 'stored'`)]);
    await database.commit([row('second')]);
    expect(await database.reader.idempotencyKey.count()).toBe(2);
    expect(await database.reader.purge.count()).toBe(1);
  });

  test('has a limit for the whole transaction', async () => {
    const database = await openStore();
    expect(await foundByCommits(database, `SELECT ${settingsOf('transaction_timeout')}`)).toEqual(['15s']);
  });

  test('of which only a part arrives is rolled back, and releases its locks', async () => {
    const url = await createTestDatabase();
    const client = new pg.Client({ connectionString: url, options: '-c transaction_timeout=500' });
    client.on('error', () => undefined);
    await client.connect();
    onTestFinished(() => client.end().catch(() => undefined));
    const other = new pg.Client(url);
    await other.connect();
    onTestFinished(() => other.end());
    const { connection } = client as unknown as {
      connection: Record<'parse' | 'bind' | 'execute' | 'flush', (of: object) => void>;
    };
    connection.parse({ text: `INSERT INTO "Purge" ("sessionId") VALUES ('ses_part')` });
    connection.bind({});
    connection.execute({});
    connection.flush({});
    const locks = `SELECT FROM pg_locks WHERE relation = '"Purge"'::regclass AND mode = 'RowExclusiveLock'`;
    const isLocked = async () => (await other.query(locks)).rowCount === 1;
    await poll(isLocked, { description: 'the part to arrive' });
    await poll(async () => !(await isLocked()), { description: 'the transaction to end' });
    expect((await other.query('SELECT FROM "Purge"')).rowCount).toBe(0);
  });
});

test('the number of prepared statements is bounded', () => {
  const names = createStatementNames();
  const texts = Array.from({ length: 1000 }, (_, index) => `SELECT ${index}`);
  const named = texts.filter((text) => names(text) !== undefined);
  expect(named).toEqual(texts.slice(0, 400));
  expect(new Set(named.map(names)).size).toBe(400);
});
