import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { openSqlite } from '../../../src/database/sqlite/sqlite.ts';
import { writingStatement } from '../../../src/database/statement.ts';
import { row } from '../subject.ts';
import { openStore, type SqliteStore } from './sqlite-store.ts';

const deleteKeys = writingStatement<{ key: string }>(
  { key: 'text' },
  () => 'DELETE FROM "IdempotencyKey" RETURNING "key"',
);

/** Starts a write that holds its transaction open until `finish` is called. */
async function beginWrite({ database }: SqliteStore): Promise<{ finish(): Promise<void> }> {
  return new Promise((begun) => {
    const writing = database.write((client) =>
      client.$transaction(async (transaction) => {
        await transaction.purge.create({ data: { sessionId: 'ses_1' } });
        await new Promise<void>((continueWrite) => {
          begun({
            finish() {
              continueWrite();
              return writing;
            },
          });
        });
        await transaction.purge.create({ data: { sessionId: 'ses_2' } });
      }),
    );
  });
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await setImmediate();
}

describe('writes to a SQLite file', () => {
  test('of every kind wait for the one before, and run in the order of the calls', async () => {
    const store = await openStore();
    const { database } = store;
    const { finish } = await beginWrite(store);
    const log: string[] = [];
    const logged = (name: string) => () => void log.push(name);
    const purges = () => database.reader.purge.count();
    const later = [
      database.commit([row('a')]).then(logged('commit')),
      database.query(deleteKeys).then((rows) => log.push(`deleted ${rows.length}`)),
      database.write(async (client) => void log.push(`write sees ${await client.purge.count()}`)),
      database.commit([row('b')]).then(logged('last')),
    ];
    await settle();
    expect(log).toEqual([]);
    expect(await purges()).toBe(0);
    await finish();
    await Promise.all(later);
    expect(log).toEqual(['commit', 'deleted 1', 'write sees 2', 'last']);
  });

  test('a write that fails lets the next one run, after its transaction is rolled back', async () => {
    const { database } = await openStore();
    const failing = database.write((client) =>
      client.$transaction(async (transaction) => {
        await transaction.purge.create({ data: { sessionId: 'ses_1' } });
        throw new Error('a bug');
      }),
    );
    const next = database.write((client) => client.purge.count());
    await expect(failing).rejects.toThrow('a bug');
    expect(await next).toBe(0);
  });

  test('finish before the file is closed and unlocked', async () => {
    const store = await openStore();
    const { finish } = await beginWrite(store);
    const queued = store.database.commit([row('queued')]);
    let isClosed = false;
    const closing = store.close().then(() => {
      isClosed = true;
    });
    await settle();
    expect(isClosed).toBe(false);
    await expect(openSqlite({ url: `file:${store.path}`, durability: 'full' })).rejects.toThrow('Another server uses');
    await finish();
    await Promise.all([queued, closing]);
    const reopened = await openStore(store.path);
    expect(await reopened.database.reader.purge.count()).toBe(2);
    expect(await reopened.database.reader.idempotencyKey.count()).toBe(1);
  });
});

test('the lock of the file is held until every connection is closed', async () => {
  const store = await openStore();
  const { $disconnect } = store.database.reader;
  let outcome: unknown = null;
  // The connections are closed one after another. The lock is tried in between.
  store.database.reader.$disconnect = async () => {
    outcome = await openSqlite({ url: `file:${store.path}`, durability: 'full' }).catch((error: unknown) => error);
    await $disconnect.call(store.database.reader);
  };
  await store.close();
  expect(outcome).toMatchObject({ message: expect.stringContaining('Another server uses') });
});
