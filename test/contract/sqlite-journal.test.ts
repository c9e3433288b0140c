import BetterSqlite from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { databaseTime } from '../../src/database/batch-statement.ts';
import type { Database } from '../../src/database/database.ts';
import { append, delta, ending, newRunId, opening, readAll, request, sessionId } from './appends.ts';
import { journalContract } from './journal.contract.ts';
import { openStore } from './stores/sqlite-store.ts';
import { row, TAKEN } from './subject.ts';

journalContract('the journal in SQLite', async (onRecorded) => {
  const { database, journal, close } = await openStore(undefined, onRecorded);
  await database.commit([row(TAKEN)]);
  return {
    journal,
    async keys() {
      const rows = await database.reader.idempotencyKey.findMany({
        where: { key: { not: TAKEN } },
        orderBy: { key: 'asc' },
      });
      return rows.map(({ key }) => key);
    },
    async lease(runId, epoch) {
      const lease = { epoch, holder: 'srv', expiresAt: new Date(0), lost: false };
      await database.write((client) =>
        client.lease.upsert({ where: { runId }, create: { runId, ...lease }, update: lease }),
      );
    },
    close,
  };
});

/** What the database says to a statement, whatever connection it comes by. */
async function refusalOf({ write }: Database, sql: string): Promise<string> {
  const error = await write((client) => client.$executeRawUnsafe(sql)).catch((thrown: unknown) => thrown);
  return error instanceof Error && 'detail' in error ? String(error.detail) : `not refused: ${String(error)}`;
}

describe('the database itself', () => {
  test.each([
    `UPDATE "Event" SET "payload" = '{}'`,
    `UPDATE "Event" SET "seq" = 9 WHERE "seq" = 3`,
    `UPDATE "Event" SET "hash" = "hash"`,
    `DELETE FROM "Event"`,
    `DELETE FROM "Event" WHERE "seq" = 3`,
    `UPDATE "Tape" SET "runId" = 'run_x'`,
  ])('B23: refuses %s', async (sql) => {
    const { database, journal } = await openStore();
    const runId = newRunId();
    const events = await append(journal, runId, 0, ...opening, delta('three'));
    expect(await refusalOf(database, sql)).toBe('tape_is_append_only');
    expect(await readAll(journal, runId)).toEqual(events);
  });

  test('B23: refuses to replace an event, to leave a hole, to drop a tape and to open one again', async () => {
    const { database, journal } = await openStore();
    const runId = newRunId();
    await append(journal, runId, 0, ...opening, delta('three'), ending);
    const insert = (verb: string, seq: number, of: string) =>
      `${verb} INTO "Event" SELECT '${of}', ${seq}, "type", "actor", "schemaVersion", "recordedAt", "epoch", "payload", "hash" FROM "Event" WHERE "runId" = '${runId}' AND "seq" = 1`;
    const open = newRunId();
    await append(journal, open, 0, ...opening);
    expect(await refusalOf(database, insert('REPLACE', 1, open))).toBe('tape_seq');
    expect(await refusalOf(database, insert('INSERT', 4, open))).toBe('tape_seq');
    expect(await refusalOf(database, insert('INSERT', 0, open))).toBe('tape_seq');
    expect(await refusalOf(database, insert('INSERT', 5, runId))).toBe('tape_closed');
    expect(await refusalOf(database, insert('INSERT', 1, newRunId()))).toContain('FOREIGN KEY');
    expect(await refusalOf(database, 'DELETE FROM "Tape"')).toContain('FOREIGN KEY');
    expect(await refusalOf(database, 'UPDATE "Tape" SET "closed" = false')).toBe('tape_closed');
    expect(await readAll(journal, open)).toHaveLength(2);
    expect(await readAll(journal, runId)).toHaveLength(4);
  });

  test('B7: gives a tape up to the purge of its session, and to no other', async () => {
    const { database, journal } = await openStore();
    const [runId, other] = [newRunId(), newRunId()];
    await append(journal, runId, 0, ...opening);
    await journal.append(request(other, 0, opening, { sessionId: 'ses_other' }));
    await database.write((client) => client.purge.create({ data: { sessionId } }));
    await database.write((client) => client.event.deleteMany({ where: { runId } }));
    expect(await refusalOf(database, `DELETE FROM "Event" WHERE "runId" = '${other}'`)).toBe('tape_is_append_only');
    expect(await readAll(journal, other)).toHaveLength(2);
  });

  test('a lease is of one run and its epoch is compared exactly', async () => {
    const { database, journal } = await openStore();
    const runId = newRunId();
    await append(journal, runId, 0, ...opening);
    const expiresAt = databaseTime(0);
    await database.write((client) =>
      client.$executeRawUnsafe(`INSERT INTO "Lease" VALUES ('${runId}', 'srv', 3, '${expiresAt}', 0)`),
    );
    for (const epoch of [1, 2, 4]) {
      expect(await journal.append(request(runId, 2, [delta('x')], { epoch }))).toEqual({ kind: 'stale-epoch' });
    }
    expect(await journal.append(request(runId, 2, [delta('x')], { epoch: 3 }))).toMatchObject({ kind: 'appended' });
  });
});

describe('durability', () => {
  test('the writing connection waits for the disk, and readers never wait for it', async () => {
    const { database } = await openStore();
    const pragma = (name: string) =>
      database.write((client) => client.$queryRawUnsafe<Record<string, unknown>[]>(`PRAGMA ${name}`));
    // 2 is FULL.
    expect(Number((await pragma('synchronous'))[0]?.synchronous)).toBe(2);
    expect(await pragma('journal_mode')).toEqual([{ journal_mode: 'wal' }]);
    expect(Number((await pragma('foreign_keys'))[0]?.foreign_keys)).toBe(1);
  });

  test('a file that is opened again shows the same, and goes on from there', async () => {
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
    expect(await journal.verify(runId)).toEqual({ kind: 'intact', runId, events: 4 });
  });

  test('what an append resolved with is in the file at that moment', async () => {
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

describe('the reading connection', () => {
  test('can not write', async () => {
    const { database } = await openStore();
    const attempt = database.reader.purge.create({ data: { sessionId } });
    await expect(attempt).rejects.toThrow(/readonly|read-only/i);
    expect(await database.reader.purge.count()).toBe(0);
  });

  test('never sees an open transaction, and never waits for one', async () => {
    const { database, journal } = await openStore();
    const runId = newRunId();
    await append(journal, runId, 0, ...opening);
    const seen = await database.write((client) =>
      client.$transaction(async (transaction) => {
        await transaction.purge.create({ data: { sessionId } });
        await transaction.event.deleteMany({ where: { runId } });
        return { purges: await database.reader.purge.count(), events: await readAll(journal, runId) };
      }),
    );
    expect(seen.purges).toBe(0);
    expect(seen.events).toHaveLength(2);
    expect(await readAll(journal, runId)).toEqual([]);
  });
});
