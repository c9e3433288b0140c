import { describe, expect, test } from 'vitest';
import { createPool } from '../../../src/database/postgres/pools.ts';
import { type Statement, statement } from '../../../src/database/statement.ts';
import { row } from '../subject.ts';
import { openStore } from './postgres-store.ts';

type Setting = 'statement_timeout' | 'idle_in_transaction_session_timeout';

const settingStatement = (setting: Setting, writes: boolean): Statement<{ value: string }> => ({
  ...statement<{ value: string }>({ value: 'text' }, () => `SELECT current_setting('${setting}')`),
  writes,
});

describe('every connection that serves requests', () => {
  test.each<[Setting, string]>([
    ['statement_timeout', '15s'],
    ['idle_in_transaction_session_timeout', '5s'],
  ])('has a limit: %s is %s', async (setting, expected) => {
    const { database } = await openStore();
    const show = `SELECT current_setting('${setting}') AS "value"`;
    const values = await Promise.all([
      database.query(settingStatement(setting, false)),
      database.query(settingStatement(setting, true)),
      database.reader.$queryRawUnsafe(show),
      database.write((client) => client.$queryRawUnsafe(show)),
      database.write((client) => client.$transaction((transaction) => transaction.$queryRawUnsafe(show))),
    ]);
    expect(values).toEqual(values.map(() => [{ value: expected }]));
  });

  test('waits for the answer of the database for longer than a statement may take', async () => {
    const { url } = await openStore();
    const pool = createPool(url, 1);
    expect(pool.options.query_timeout).toBeGreaterThan(15_000);
    await pool.end();
  });
});

test('a statement that takes too long fails as unavailable, stores nothing, and later ones succeed', async () => {
  const { database } = await openStore();
  const slow = database.write((client) =>
    client.$transaction(async (transaction) => {
      await transaction.purge.create({ data: { sessionId: 'ses_slow' } });
      await transaction.$executeRawUnsafe('SET LOCAL statement_timeout = 50');
      await transaction.$queryRawUnsafe('SELECT pg_sleep(30)::text');
    }),
  );
  await expect(slow).rejects.toMatchObject({
    name: 'StoreError',
    failure: 'unavailable',
    detail: expect.stringContaining('statement timeout'),
  });
  expect(await database.reader.purge.count()).toBe(0);
  await database.commit([row('later')]);
  expect(await database.reader.idempotencyKey.count()).toBe(1);
});
