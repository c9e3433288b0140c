import BetterSqlite from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { Database } from '../../src/database/database.ts';
import { writingStatement } from '../../src/database/statement.ts';
import { createDatabaseJournal } from '../../src/journal/database-journal.ts';
import { poll } from '../until.ts';
import { append, delta, ending, newRunId, opening, readAll, request, sessionId, textsOf } from './appends.ts';
import { databaseContract, insertCopy, refusalOf } from './database.contract.ts';
import { openStore, openThreadedStore, type SqliteStore } from './stores/sqlite-store.ts';

const rules = { duplicateEvent: 'tape_seq', reference: 'FOREIGN KEY' };

databaseContract('SQLite', (onCommitted) => openStore(undefined, onCommitted), rules);
databaseContract('SQLite, written by a thread,', openThreadedStore, rules);

// A journal caches what it wrote itself. Another journal has to read from the database.
databaseContract(
  'SQLite, read through another journal,',
  async (onCommitted) => readThroughAnother(await openStore(undefined, onCommitted)),
  rules,
);

function readThroughAnother(store: SqliteStore): SqliteStore {
  const { read, readBack, readMany, readEnds, head, verify } = createDatabaseJournal(store.database, systemClock);
  return { ...store, journal: { ...store.journal, read, readBack, readMany, readEnds, head, verify } };
}

test('B23: REPLACE cannot change an event', async () => {
  const { database, journal } = await openStore();
  const [runId, open] = [newRunId(), newRunId()];
  await append(journal, runId, 0, ...opening, delta('three'));
  const events = await append(journal, open, 0, ...opening);
  expect(await refusalOf(database, insertCopy(runId, 1, open).replace('INSERT', 'REPLACE'))).toBe('tape_seq');
  expect(await readAll(journal, open)).toEqual(events);
});

describe('durability', () => {
  test.each([
    ['the calling thread', () => openStore()],
    ['a thread of its own', () => openThreadedStore()],
  ])('all connections that write use synchronous=FULL, WAL and foreign keys: %s', async (_, open) => {
    const { database } = await open();
    const pragma = (name: string) =>
      database.write((client) => client.$queryRawUnsafe<Record<string, unknown>[]>(`PRAGMA ${name}`));
    // 2 is FULL.
    expect(Number((await pragma('synchronous'))[0]?.synchronous)).toBe(2);
    expect(await pragma('journal_mode')).toEqual([{ journal_mode: 'wal' }]);
    expect(Number((await pragma('foreign_keys'))[0]?.foreign_keys)).toBe(1);
    // Appends use other connections than the Prisma client.
    const ownPragma = (name: string) =>
      database.query(writingStatement<{ value: number }>({ value: 'int' }, () => `PRAGMA ${name}`));
    expect(await ownPragma('synchronous')).toEqual([{ value: 2 }]);
    expect(await ownPragma('secure_delete')).toEqual([{ value: 1 }]);
    expect(await ownPragma('foreign_keys')).toEqual([{ value: 1 }]);
  });

  test('a reopened file has the same events and accepts the next ones', async () => {
    const first = await openStore();
    const [runId, ended] = [newRunId(), newRunId()];
    const events = await append(first.journal, runId, 0, ...opening, delta('\0 three'));
    const endedEvents = await append(first.journal, ended, 0, ...opening, ending);
    await first.close();
    const { journal } = await openStore(first.path);
    expect(await readAll(journal, runId)).toEqual(events);
    expect(await readAll(journal, ended)).toEqual(endedEvents);
    expect(await journal.head(ended)).toMatchObject({ head: 3, closed: true });
    expect(await journal.append(request(ended, 3, [delta('late')]))).toEqual({ kind: 'closed' });
    expect(await journal.append(request(runId, 2, [delta('late')]))).toEqual({ kind: 'conflict', head: 3 });
    await append(journal, runId, 3, delta('four'));
    expect(await journal.verify(runId)).toMatchObject({ kind: 'intact', runId, events: 4 });
  });

  test('the events are in the file when the append resolves', async () => {
    const { journal, path } = await openStore();
    const runId = newRunId();
    const direct = new BetterSqlite(path, { readonly: true });
    try {
      const count = direct.prepare('SELECT count(*) AS events FROM "Event" WHERE "runId" = ?');
      for (let head = 0; head < 20; head += 1) {
        await append(journal, runId, head, delta(`${head}`));
        expect(count.get(runId)).toEqual({ events: head + 1 });
      }
    } finally {
      direct.close();
    }
  });
});

test('events that are in the database are read before their commit is reported', async () => {
  const { database } = await openStore();
  const reports: (() => void)[] = [];
  let isHeld = false;
  const commit: Database['commit'] = async (writes) => {
    await database.commit(writes);
    if (!isHeld) return;
    await new Promise<void>((resolve) => void reports.push(resolve));
  };
  const journal = createDatabaseJournal({ ...database, commit }, systemClock);
  const runId = newRunId();
  await append(journal, runId, 0, ...opening);
  isHeld = true;
  const appending = append(journal, runId, 2, delta('three'));
  await poll(() => reports.length > 0);
  expect(textsOf(await readAll(journal, runId))).toEqual(['three']);
  expect(await journal.head(runId)).toMatchObject({ head: 3 });
  reports[0]?.();
  await appending;
  expect(textsOf(await readAll(journal, runId))).toEqual(['three']);
});

describe('the reading connection', () => {
  test('cannot write', async () => {
    const { database } = await openStore();
    const attempt = database.reader.purge.create({ data: { sessionId } });
    await expect(attempt).rejects.toThrow(/readonly|read-only/i);
    expect(await database.reader.purge.count()).toBe(0);
  });

  test('does not see open transactions and does not wait for them', async () => {
    const { database, journal } = await openStore();
    const runId = newRunId();
    await append(journal, runId, 0, ...opening);
    const read = await database.write((client) =>
      client.$transaction(async (transaction) => {
        await transaction.purge.create({ data: { sessionId } });
        await transaction.event.deleteMany({ where: { runId } });
        return { purges: await database.reader.purge.count(), events: await readAll(journal, runId) };
      }),
    );
    expect(read.purges).toBe(0);
    expect(read.events).toHaveLength(2);
    journal.forget(runId);
    expect(await readAll(journal, runId)).toEqual([]);
  });
});

test('each commit is reported with the number of its appends and its time', async () => {
  const { database } = await openStore();
  let elapsed = 0;
  const elapse = () => {
    elapsed += 7;
    return elapsed;
  };
  const commits: unknown[] = [];
  const observer = { committed: (commit: unknown) => void commits.push(commit) };
  const journal = createDatabaseJournal(database, { ...systemClock, elapsed: elapse }, () => undefined, observer);
  await Promise.all([newRunId(), newRunId()].map((runId) => append(journal, runId, 0, ...opening)));
  await append(journal, newRunId(), 0, ...opening);
  expect(commits).toEqual([
    { appends: 2, milliseconds: 7 },
    { appends: 1, milliseconds: 7 },
  ]);
});
