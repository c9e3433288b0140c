import { describe, expect, test } from 'vitest';
import type { Database } from '../../src/database/database.ts';
import type { Journal, OnCommitted } from '../../src/journal/journal.ts';
import { append, delta, ending, newRunId, opening, readAll, request, sessionId } from './appends.ts';
import { journalContract } from './journal.contract.ts';
import { row, type Subject, TAKEN } from './subject.ts';

interface Store {
  database: Database;
  journal: Journal;
  close(): Promise<void>;
}

/** What the error messages of a store contain. */
interface RefusalTexts {
  /** For a second event with the same seq. */
  duplicateEvent: string;
  /** For a tape that is missing or still referenced. */
  reference: string;
}

/** The contract of the journal in a database, and the rules that the database enforces against any writer. */
export function databaseContract(
  name: string,
  open: (onCommitted?: OnCommitted) => Promise<Store>,
  texts: RefusalTexts,
): void {
  journalContract(`the journal in ${name}`, async (onCommitted) => subjectOf(await open(onCommitted)));

  describe(`the rules of ${name}`, () => {
    test.each([
      `UPDATE "Event" SET "payload" = '{}'`,
      `UPDATE "Event" SET "seq" = 9 WHERE "seq" = 3`,
      `UPDATE "Event" SET "hash" = "hash"`,
      `DELETE FROM "Event"`,
      `DELETE FROM "Event" WHERE "seq" = 3`,
      `UPDATE "Tape" SET "runId" = 'run_x'`,
    ])('B23: refuse %s', async (sql) => {
      const { database, journal } = await open();
      const runId = newRunId();
      const events = await append(journal, runId, 0, ...opening, delta('three'));
      expect(await refusalOf(database, sql)).toBe('tape_is_append_only');
      expect(await readAll(journal, runId)).toEqual(events);
    });

    test('B23: refuse a gap, deleting a tape and reopening a tape', async () => {
      const { database, journal } = await open();
      const [runId, other] = [newRunId(), newRunId()];
      await append(journal, runId, 0, ...opening, delta('three'), ending);
      await append(journal, other, 0, ...opening);
      expect(await refusalOf(database, insertCopy(runId, 1, other))).toContain(texts.duplicateEvent);
      expect(await refusalOf(database, insertCopy(runId, 4, other))).toBe('tape_seq');
      expect(await refusalOf(database, insertCopy(runId, 0, other))).toBe('tape_seq');
      expect(await refusalOf(database, insertCopy(runId, 5, runId))).toBe('tape_closed');
      expect(await refusalOf(database, insertCopy(runId, 1, newRunId()))).toContain(texts.reference);
      expect(await refusalOf(database, 'DELETE FROM "Tape"')).toContain(texts.reference);
      expect(await refusalOf(database, 'UPDATE "Tape" SET "closed" = false')).toBe('tape_closed');
      expect(await readAll(journal, other)).toHaveLength(2);
      expect(await readAll(journal, runId)).toHaveLength(4);
    });

    test('B7: let only the purge of its session delete a tape', async () => {
      const { database, journal } = await open();
      const [runId, other] = [newRunId(), newRunId()];
      await append(journal, runId, 0, ...opening);
      await journal.append(request(other, 0, opening, { sessionId: 'ses_other' }));
      await database.write((client) => client.purge.create({ data: { sessionId } }));
      await database.write((client) => client.event.deleteMany({ where: { runId } }));
      expect(await refusalOf(database, `DELETE FROM "Event" WHERE "runId" = '${other}'`)).toBe('tape_is_append_only');
      expect(await readAll(journal, other)).toHaveLength(2);
    });

    test('compare the epoch of an append with the lease of its run exactly', async () => {
      const store = await open();
      const { journal } = store;
      const runId = newRunId();
      await append(journal, runId, 0, ...opening);
      await subjectOf(store).then(({ lease }) => lease(runId, 3));
      for (const epoch of [1, 2, 4]) {
        expect(await journal.append(request(runId, 2, [delta('x')], { epoch }))).toEqual({ kind: 'stale-epoch' });
      }
      expect(await journal.append(request(runId, 2, [delta('x')], { epoch: 3 }))).toMatchObject({ kind: 'appended' });
    });
  });
}

async function subjectOf({ database, journal, close }: Store): Promise<Subject> {
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
}

/** SQL that inserts a copy of the first event of a tape, into a tape and with a seq. */
export function insertCopy(runId: string, seq: number, intoRunId: string): string {
  return `INSERT INTO "Event" SELECT '${intoRunId}', ${seq}, "type", "actor", "schemaVersion", "recordedAt", "epoch", "payload", "hash" FROM "Event" WHERE "runId" = '${runId}' AND "seq" = 1`;
}

/** The reason for which the database refuses a statement. */
export async function refusalOf({ write }: Database, sql: string): Promise<string> {
  const error = await write((client) => client.$executeRawUnsafe(sql)).catch((thrown: unknown) => thrown);
  return error instanceof Error && 'detail' in error ? String(error.detail) : `not refused: ${String(error)}`;
}
