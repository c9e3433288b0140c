import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { append, delta, newRunId, opening, readAll, request } from '../appends.ts';
import { row } from '../subject.ts';
import { openStore } from './postgres-store.ts';

/** Somebody else, with the rights of the database's owner. */
async function connectTo(url: string): Promise<pg.Client> {
  const client = new pg.Client(url);
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

/** From now on the database refuses to store there, as it does where it has no room. */
async function refuseAt(client: pg.Client, table: string, state: string): Promise<void> {
  await client.query(`
    CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN RAISE 'no room' USING ERRCODE = '${state}'; END $$ LANGUAGE plpgsql;
    CREATE TRIGGER refuse BEFORE INSERT ON "${table}" EXECUTE FUNCTION refuse();
  `);
}

test.each([
  ['a full disk', '53100'],
  ['a statement that took too long', '57014'],
  ['a database that is read-only', '25006'],
])('B52: %s is a refusal: nothing is stored, and it goes on afterwards', async (_what, state) => {
  const { url, database, journal } = await openStore();
  const operator = await connectTo(url);
  const runId = newRunId();
  await append(journal, runId, 0, ...opening);
  await refuseAt(operator, 'IdempotencyKey', state);
  const refused = { name: 'StoreError', failure: 'unavailable', detail: 'no room' };
  // One statement, and one of the several of a transaction.
  await expect(database.commit([row('alone')])).rejects.toMatchObject(refused);
  const both = request(runId, 2, [delta('x')], { writes: [row('with it')] });
  await expect(journal.append(both)).rejects.toMatchObject(refused);
  expect(await readAll(journal, runId)).toHaveLength(2);
  await operator.query('DROP FUNCTION refuse CASCADE');
  expect(await journal.append(both)).toMatchObject({ kind: 'appended' });
  await database.commit([row('alone')]);
  expect(await database.reader.idempotencyKey.count()).toBe(2);
});

test('never more connections than configured, however many ask', async () => {
  const { url, database } = await openStore();
  const operator = await connectTo(url);
  const asking = Array.from({ length: 200 }, async (_, n) => {
    await database.commit([row(`key ${n}`)]);
    await database.reader.idempotencyKey.count();
  });
  const count = () =>
    operator.query(`SELECT count(*)::int AS open FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid()`);
  let all = false;
  const done = Promise.all(asking).then(() => {
    all = true;
  });
  const counts: number[] = [];
  while (!all) counts.push((await count()).rows[0].open);
  await done;
  expect(Math.max(...counts)).toBeLessThanOrEqual(8);
  expect(await database.reader.idempotencyKey.count()).toBe(200);
});
