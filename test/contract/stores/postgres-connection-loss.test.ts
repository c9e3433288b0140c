import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import type { Client, Database } from '../../../src/database/database.ts';
import { openPostgres } from '../../../src/database/postgres/postgres.ts';
import { createDatabaseJournal } from '../../../src/journal/database-journal.ts';
import { startBreakingProxy } from '../../postgres/breaking-proxy.ts';
import { createTestDatabase } from '../../postgres/test-database.ts';
import { poll } from '../../until.ts';
import { append, delta, ending, newRunId, opening, readAll, request, textsOf } from '../appends.ts';
import { row } from '../subject.ts';

async function openBehindProxy() {
  const direct = await createTestDatabase();
  const proxy = await startBreakingProxy(direct);
  const database = await openPostgres({ url: proxy.url, durability: 'full', connections: 4 });
  const journal = createDatabaseJournal(database, systemClock);
  onTestFinished(async () => {
    await database.close();
    await proxy[Symbol.asyncDispose]();
  });
  return { direct, proxy, database, journal };
}

describe('a connection that is lost while the database commits', () => {
  test.each([
    ['one statement', 'INSERT INTO "Event"', [delta('two')]],
    ['a transaction', 'COMMIT', [delta('two'), ending]],
  ])('does not fail an append of %s: it is stored once and acknowledged', async (_statements, text, events) => {
    const { proxy, journal } = await openBehindProxy();
    const runId = newRunId();
    await append(journal, runId, 0, ...opening);
    proxy.cutAfter(text);
    const outcome = await journal.append(request(runId, 2, events));
    expect(outcome).toMatchObject({
      kind: 'appended',
      events: [{ seq: 3 }, ...events.slice(1).map(() => ({ seq: 4 }))],
    });
    expect(await readAll(journal, runId)).toHaveLength(2 + events.length);
    expect(await journal.verify(runId)).toMatchObject({ kind: 'intact' });
  });

  test('before the database got the append: the second attempt stores it', async () => {
    const { proxy, journal } = await openBehindProxy();
    const runId = newRunId();
    await append(journal, runId, 0, ...opening);
    for (let n = 0; n < 5; n += 1) {
      const appending = append(journal, runId, 2 + n, delta(`${n}`));
      proxy.cut();
      proxy.heal();
      await appending.catch(() => append(journal, runId, 2 + n, delta(`${n}`)));
    }
    expect(textsOf(await readAll(journal, runId))).toEqual(['0', '1', '2', '3', '4']);
  });

  test('fails a commit of rows without events as unknown', async () => {
    const { proxy, database } = await openBehindProxy();
    proxy.cutAfter('INSERT INTO "IdempotencyKey"');
    await expect(database.commit([row('alone')])).rejects.toMatchObject({ name: 'StoreError', failure: 'unknown' });
    // The connection was cut before the answer, so Postgres may still be committing.
    await poll(async () => (await database.reader.idempotencyKey.count()) === 1);
  });
});

describe('a write of the Prisma client whose connection is lost before the answer', () => {
  const data = { key: 'tokens', spent: 1, endsAt: null };
  test.each<[string, string, (client: Client) => Promise<unknown>]>([
    ['one statement', 'INSERT INTO', (client) => client.budgetUse.create({ data })],
    ['a transaction', 'COMMIT', (client) => client.$transaction((inside) => inside.budgetUse.create({ data }))],
  ])('fails as unknown, because %s may be stored', async (_statements, text, write) => {
    const { proxy, database } = await openBehindProxy();
    proxy.cutAfter(text);
    await expect(database.write(write)).rejects.toMatchObject({ name: 'StoreError', failure: 'unknown' });
    await poll(async () => (await database.reader.budgetUse.count()) === 1);
  });
});

describe('notifications', () => {
  function listen({ notifications }: Database) {
    if (!notifications) throw new Error('The database has no notifications.');
    const messages: string[] = [];
    const states: boolean[] = [];
    const subscription = notifications.listen({
      onMessage: (message) => messages.push(message),
      onState: (arriving) => states.push(arriving),
    });
    onTestFinished(() => subscription.close());
    return { messages, states, send: notifications.send };
  }

  test('arrive again after the connection was lost', async () => {
    const { direct, proxy, database } = await openBehindProxy();
    const other = await openPostgres({ url: direct, durability: 'full', connections: 2 });
    onTestFinished(() => other.close());
    const { messages, states } = listen(database);
    await poll(() => states.at(-1) === true);
    await other.notifications?.send('one');
    await poll(() => messages.length === 1);
    proxy.cut();
    await poll(() => states.at(-1) === false);
    proxy.heal();
    await poll(() => states.at(-1) === true);
    await other.notifications?.send('two');
    await poll(() => messages.length === 2);
    expect(messages).toEqual(['one', 'two']);
    expect(states).toEqual([true, false, true]);
  });
});
