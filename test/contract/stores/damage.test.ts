import BetterSqlite from 'better-sqlite3';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { openSqliteForReading } from '../../../src/database/sqlite/sqlite.ts';
import type { RecordedEvent } from '../../../src/domain/events.ts';
import { hashOf, type StoredEvent } from '../../../src/journal/codec.ts';
import { createDatabaseJournal } from '../../../src/journal/database-journal.ts';
import type { Verification } from '../../../src/journal/journal.ts';
import { append, call, delta, ending, newRunId, opening, sequence } from '../appends.ts';
import { openStore } from './sqlite-store.ts';

interface DamagedStore {
  /** An ended run with twelve events. */
  runId: string;
  /** An open run with three events. */
  open: string;
  /** An event of the ended run. */
  stored(seq: number): StoredEvent;
  /** Damages the file with this SQL, verifies a tape, and repairs the file. */
  verifyAfter(damage: string, of?: string): Promise<Verification>;
}

/** A copy of a store, without the triggers that refuse damage. */
async function openDamagedStore(): Promise<DamagedStore> {
  const { journal, path, close } = await openStore();
  const [runId, open] = [newRunId(), newRunId()];
  await append(journal, runId, 0, ...opening, ...sequence(8).map((n) => delta(`text ${n}`)), call({ of: [1] }), ending);
  await append(journal, open, 0, ...opening, delta('so far'));
  const copy = `${path}-copy`;
  const original = new BetterSqlite(path);
  await original.backup(copy);
  original.close();
  await close();
  const direct = new BetterSqlite(copy);
  direct.pragma('foreign_keys = OFF');
  for (const trigger of ['Event_unchanged', 'Event_kept', 'Event_dense', 'Event_open', 'Tape_closed_for_good']) {
    direct.exec(`DROP TRIGGER "${trigger}"`);
  }
  direct.exec('CREATE TABLE "EventCopy" AS SELECT * FROM "Event"; CREATE TABLE "TapeCopy" AS SELECT * FROM "Tape"');
  const database = await openSqliteForReading(`file:${copy}`);
  onTestFinished(async () => {
    await database.close();
    direct.close();
  });
  const reading = createDatabaseJournal(database, systemClock);
  return {
    runId,
    open,
    stored: (seq) =>
      direct
        .prepare<unknown[], StoredEvent>('SELECT * FROM "EventCopy" WHERE "runId" = ? AND "seq" = ?')
        .get(runId, seq) ?? expect.unreachable(),
    async verifyAfter(damage, of = runId) {
      expect(await reading.verify(runId)).toMatchObject({ kind: 'intact', runId, events: 12 });
      expect(await reading.verify(open)).toMatchObject({ kind: 'intact', runId: open, events: 3 });
      expect(direct.prepare(damage).run().changes).toBeGreaterThan(0);
      const verification = await reading.verify(of);
      direct.exec('DELETE FROM "Event"; INSERT INTO "Event" SELECT * FROM "EventCopy"');
      direct.exec('DELETE FROM "Tape"; INSERT INTO "Tape" SELECT * FROM "TapeCopy"');
      return verification;
    },
  };
}

const textColumns = ['type', 'actor', 'payload', 'hash', 'runId'] as const satisfies (keyof RecordedEvent)[];
const numberColumns = ['seq', 'schemaVersion', 'recordedAt', 'epoch'] as const satisfies (keyof RecordedEvent)[];

/** SQL for the text with one character replaced. */
function changedText(column: string, position: 'first' | 'middle' | 'last'): string {
  const at = { first: '1', middle: `(length("${column}") + 1) / 2`, last: `length("${column}")` }[position];
  const character = `substr("${column}", ${at}, 1)`;
  return `substr("${column}", 1, ${at} - 1) || CASE ${character} WHEN 'x' THEN 'y' ELSE 'x' END || substr("${column}", ${at} + 1)`;
}

describe('B31: one changed byte', () => {
  const where = (runId: string, seq: number) => `WHERE "runId" = '${runId}' AND "seq" = ${seq}`;

  test.each(textColumns)('in %s is found', async (column) => {
    const { verifyAfter, runId, open } = await openDamagedStore();
    for (const [of, seqs] of [
      [runId, [1, 2, 3, 7, 11, 12]],
      [open, [1, 2, ...(column === 'runId' ? [] : [3])]],
    ] as const) {
      for (const seq of seqs) {
        for (const position of ['first', 'middle', 'last'] as const) {
          const damage = `UPDATE "Event" SET "${column}" = ${changedText(column, position)} ${where(of, seq)}`;
          const found = await verifyAfter(damage, of);
          // If the last event of a closed tape is gone, the event before it is reported: it is not the end of a run.
          const reported = column === 'runId' && of === runId && seq === 12 ? 11 : seq;
          expect({ ...found, position }).toEqual({
            kind: 'broken',
            runId: of,
            seq: reported,
            position,
            fault: expect.any(String),
          });
        }
      }
    }
  });

  test.each(numberColumns)('in %s is found', async (column) => {
    const { verifyAfter, runId, open } = await openDamagedStore();
    for (const [of, seqs] of [
      [runId, [1, 2, 7, 12]],
      [open, [1, 2, 3]],
    ] as const) {
      for (const seq of seqs) {
        for (const value of [`coalesce("${column}", 0) + 100`, `-coalesce("${column}", 0) - 1`, `'text'`, `x'13'`]) {
          const found = await verifyAfter(`UPDATE "Event" SET "${column}" = ${value} ${where(of, seq)}`, of);
          expect({ ...found, value }).toEqual({ kind: 'broken', runId: of, seq, value, fault: expect.any(String) });
        }
      }
    }
  });

  test('in the run id of the last event of an open run is found under the new run id', async () => {
    const { verifyAfter, open } = await openDamagedStore();
    const stray = open.replace(/.$/, '!');
    const found = await verifyAfter(`UPDATE "Event" SET "runId" = '${stray}' ${where(open, 3)}`, stray);
    expect(found).toMatchObject({ kind: 'broken', runId: stray });
  });
});

describe('B31: other damage', () => {
  test.each([
    [1, 'DELETE FROM "Event" WHERE "runId" = :run AND "seq" = 1'],
    [6, 'DELETE FROM "Event" WHERE "runId" = :run AND "seq" = 6'],
    [11, 'DELETE FROM "Event" WHERE "runId" = :run AND "seq" = 12'],
    [1, 'DELETE FROM "Event" WHERE "runId" = :run'],
    [
      4,
      'UPDATE "Event" SET "payload" = (SELECT "payload" FROM "EventCopy" WHERE "runId" = :run AND "seq" = 9 - "Event"."seq") WHERE "runId" = :run AND "seq" IN (4, 5)',
    ],
    [4, 'UPDATE "Event" SET "seq" = -9 + "seq" WHERE "runId" = :run AND "seq" IN (4, 5)'],
    [3, `UPDATE "Event" SET "payload" = "payload" || ' ' WHERE "runId" = :run AND "seq" = 3`],
    [
      13,
      'INSERT INTO "Event" SELECT "runId", 13, "type", "actor", "schemaVersion", "recordedAt", "epoch", "payload", "hash" FROM "EventCopy" WHERE "runId" = :run AND "seq" = 3',
    ],
    [12, 'UPDATE "Tape" SET "closed" = false WHERE "runId" = :run'],
    [12, 'DELETE FROM "Tape" WHERE "runId" = :run'],
    [5, 'UPDATE "Event" SET "epoch" = 7 WHERE "runId" = :run AND "seq" >= 5'],
  ])('is found at seq %i after %s', async (seq, damage) => {
    const { verifyAfter, runId } = await openDamagedStore();
    expect(await verifyAfter(damage.replaceAll(':run', `'${runId}'`))).toMatchObject({ kind: 'broken', runId, seq });
  });

  test.each([
    [3, 'its type', `UPDATE "Event" SET "type" = 'thought'`],
    [3, 'its actor', `UPDATE "Event" SET "actor" = 'TOOL'`],
    [3, 'its text', `UPDATE "Event" SET "payload" = replace("payload", 'text 1', 'text 2')`],
  ])('a change of event %i is found: %s', async (seq, _what, update) => {
    const { verifyAfter, runId } = await openDamagedStore();
    const found = await verifyAfter(`${update} WHERE "runId" = '${runId}' AND "seq" = ${seq}`);
    expect(found).toMatchObject({ kind: 'broken', runId, seq });
  });

  test('an event that was forged together with its hash is found by the next event', async () => {
    const { verifyAfter, runId, stored } = await openDamagedStore();
    const [previous, event] = [stored(4), stored(5)];
    const payload = event.payload.replace('text 3', 'a lie');
    const hash = hashOf(previous.hash, { ...event, payload });
    const forged = `UPDATE "Event" SET "payload" = '${payload}', "hash" = '${hash}' WHERE "runId" = '${runId}' AND "seq" = 5`;
    expect(await verifyAfter(forged)).toEqual({ kind: 'broken', runId, seq: 6, fault: 'does not match its hash' });
  });

  test('an event that was forged after the end of a run is found', async () => {
    const { verifyAfter, runId, stored } = await openDamagedStore();
    const { hash: _, ...event } = { ...stored(12), seq: 13 };
    const hash = hashOf(stored(12).hash, event);
    const { type, actor, schemaVersion, recordedAt, payload } = event;
    const forged = `INSERT INTO "Event" VALUES ('${runId}', 13, '${type}', '${actor}', ${schemaVersion}, ${recordedAt}, NULL, '${payload}', '${hash}')`;
    const found = await verifyAfter(forged);
    expect(found).toEqual({ kind: 'broken', runId, seq: 13, fault: 'follows the end of its run' });
  });

  test('an open tape that was marked as closed is found', async () => {
    const { verifyAfter, open } = await openDamagedStore();
    const found = await verifyAfter(`UPDATE "Tape" SET "closed" = true WHERE "runId" = '${open}'`, open);
    expect(found).toMatchObject({ kind: 'broken', runId: open, seq: 3 });
  });
});
