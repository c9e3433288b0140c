import { describe, expect, test } from 'vitest';
import type { Database } from '../../src/database/database.ts';
import { append, delta, ending, newRunId, opening, readAll, request, sessionId } from './appends.ts';
import { journalContract } from './journal.contract.ts';
import { openStore } from './stores/postgres-store.ts';
import { row, TAKEN } from './subject.ts';

journalContract('the journal in Postgres', async (onRecorded) => {
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
    `TRUNCATE "Event"`,
    `UPDATE "Tape" SET "runId" = 'run_x'`,
  ])('B23: refuses %s', async (sql) => {
    const { database, journal } = await openStore();
    const runId = newRunId();
    const events = await append(journal, runId, 0, ...opening, delta('three'));
    expect(await refusalOf(database, sql)).toBe('tape_is_append_only');
    expect(await readAll(journal, runId)).toEqual(events);
  });

  test('B23: refuses to leave a hole, to drop a tape and to open one again', async () => {
    const { database, journal } = await openStore();
    const runId = newRunId();
    await append(journal, runId, 0, ...opening, delta('three'), ending);
    const insert = (seq: number, of: string) =>
      `INSERT INTO "Event" SELECT '${of}', ${seq}, "type", "actor", "schemaVersion", "recordedAt", "epoch", "payload", "hash" FROM "Event" WHERE "runId" = '${runId}' AND "seq" = 1`;
    const open = newRunId();
    await append(journal, open, 0, ...opening);
    expect(await refusalOf(database, insert(1, open))).toContain('Event_pkey');
    expect(await refusalOf(database, insert(4, open))).toBe('tape_seq');
    expect(await refusalOf(database, insert(0, open))).toBe('tape_seq');
    expect(await refusalOf(database, insert(5, runId))).toBe('tape_closed');
    expect(await refusalOf(database, insert(1, newRunId()))).toContain('Event_runId_fkey');
    expect(await refusalOf(database, 'DELETE FROM "Tape"')).toContain('fkey');
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
});
