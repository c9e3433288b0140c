import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { append, delta, newRunId, opening, readAll, request } from '../appends.ts';
import { row } from '../subject.ts';
import { openStore } from './postgres-store.ts';

/** A client with the rights of the database's owner. */
async function connectTo(url: string): Promise<pg.Client> {
  const client = new pg.Client(url);
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

/** Makes the database refuse rows of a table with an error code. */
async function refuseRows(client: pg.Client, table: string, errorCode: string): Promise<void> {
  await client.query(`
    CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN RAISE 'no room' USING ERRCODE = '${errorCode}'; END $$ LANGUAGE plpgsql;
    CREATE TRIGGER refuse BEFORE INSERT ON "${table}" EXECUTE FUNCTION refuse();
  `);
}

test.each([
  ['a full disk', '53100'],
  ['a statement that took too long', '57014'],
  ['a database that is read-only', '25006'],
])('B52: %s stores nothing, and later writes succeed', async (_failure, errorCode) => {
  const { url, database, journal } = await openStore();
  const operator = await connectTo(url);
  const runId = newRunId();
  await append(journal, runId, 0, ...opening);
  await refuseRows(operator, 'IdempotencyKey', errorCode);
  const refused = { name: 'StoreError', failure: 'unavailable', detail: 'no room' };
  // A single statement, then one of several in a transaction.
  await expect(database.commit([row('alone')])).rejects.toMatchObject(refused);
  const eventAndRow = request(runId, 2, [delta('x')], { writes: [row('with an event')] });
  await expect(journal.append(eventAndRow)).rejects.toMatchObject(refused);
  expect(await readAll(journal, runId)).toHaveLength(2);
  await operator.query('DROP FUNCTION refuse CASCADE');
  expect(await journal.append(eventAndRow)).toMatchObject({ kind: 'appended' });
  await database.commit([row('alone')]);
  expect(await database.reader.idempotencyKey.count()).toBe(2);
});

test('appends do not wait for a row that another transaction keeps locked, but for the one that writes it', async () => {
  const { url, database, journal } = await openStore();
  const other = await connectTo(url);
  const [locked, free] = [newRunId(), newRunId()];
  for (const runId of [locked, free]) await append(journal, runId, 0, ...opening);
  await other.query('BEGIN');
  await other.query('SELECT 1 FROM "Tape" WHERE "runId" = $1 FOR UPDATE', [locked]);
  const outcomes = [locked, free].map((runId) => journal.append(request(runId, 2, [delta('x')])));
  await expect(outcomes[0]).rejects.toMatchObject({ failure: 'locked' });
  expect(await outcomes[1]).toMatchObject({ kind: 'appended' });
  expect(await readAll(journal, locked)).toHaveLength(2);
  await other.query('COMMIT');
  expect(await journal.append(request(locked, 2, [delta('x')]))).toMatchObject({ kind: 'appended' });
  expect(await database.reader.event.count({ where: { runId: locked } })).toBe(3);
});

test('the number of connections stays at the configured maximum under load', async () => {
  const { url, database } = await openStore();
  const operator = await connectTo(url);
  const queries = Array.from({ length: 200 }, async (_, n) => {
    await database.commit([row(`key ${n}`)]);
    await database.reader.idempotencyKey.count();
  });
  const count = () =>
    operator.query(`SELECT count(*)::int AS open FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid()`);
  let finished = false;
  const done = Promise.all(queries).then(() => {
    finished = true;
  });
  const counts: number[] = [];
  while (!finished) counts.push((await count()).rows[0].open);
  await done;
  expect(Math.max(...counts)).toBeLessThanOrEqual(8);
  expect(await database.reader.idempotencyKey.count()).toBe(200);
});
