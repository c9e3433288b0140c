import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import type { RowWrite } from '../../../src/database/batch-statement.ts';
import type { Database } from '../../../src/database/database.ts';
import { createDatabaseJournal } from '../../../src/journal/database-journal.ts';
import type { Journal } from '../../../src/journal/journal.ts';
import { rowOfRun, runRows } from '../../../src/projections/runs.ts';
import { insertSession } from '../../../src/repositories/sessions.ts';
import { storeText } from '../../../src/repositories/stored-texts.ts';
import { rebuildProjections } from '../../../src/run-store/rebuild.ts';
import { createRunStore } from '../../../src/run-store/run-store.ts';
import {
  context,
  type Given,
  inProgress,
  origin,
  output,
  pending,
  runOf,
  status,
  tape,
} from '../../unit/domain/given.ts';
import { delta, ending, newRunId, opening } from '../appends.ts';
import { stores } from './both-stores.ts';

const insertSessions = (...ids: string[]) =>
  ids.map((id) => insertSession({ id, owner: 'ada', key: id, title: null, agentId: null, createdAt: 1000 }));

describe.each(stores)('the row of a run on %s', (_provider, open) => {
  const answered: Given = [inProgress, context(1), output(1, { text: 'Done.' })];
  const ended: Given = [answered, status('IN_PROGRESS', 'DONE')];

  /** What an append writes that leads from one tape to a longer one. */
  function rowsBetween(runId: string, sessionId: string, before: Given, after: Given): RowWrite[] {
    const run = { ...runOf(after), runId, origin: { ...origin, sessionId } };
    return runRows(run, tape(after).slice(tape(before).length));
  }

  async function expectRow(database: Database, runId: string, sessionId: string, events: Given): Promise<void> {
    const run = { ...runOf(events), runId, origin: { ...origin, sessionId } };
    expect(await database.reader.run.findUnique({ where: { id: runId } })).toEqual(rowOfRun(run));
  }

  test('has the newest values when several appends of the run share a commit with those of another run', async () => {
    const { database } = await open();
    const [first, second] = [newRunId(), newRunId()];
    await database.commit([
      ...insertSessions('ses_1', 'ses_2'),
      ...[first, second].flatMap((runId, index) =>
        runRows({ ...runOf(pending), runId, origin: { ...origin, sessionId: `ses_${index + 1}` } }, tape(pending)),
      ),
    ]);
    await database.commit([
      ...rowsBetween(first, 'ses_1', pending, inProgress),
      ...rowsBetween(second, 'ses_2', pending, inProgress),
      ...rowsBetween(first, 'ses_1', inProgress, [inProgress, context(1)]),
      ...rowsBetween(first, 'ses_1', [inProgress, context(1)], ended),
      ...rowsBetween(second, 'ses_2', inProgress, answered),
    ]);
    await expectRow(database, first, 'ses_1', ended);
    await expectRow(database, second, 'ses_2', answered);
  });
});

describe.each(stores)('the bytes of an ended run on %s', (_provider, open) => {
  const { sessionId } = origin;

  async function begin(journal: Journal, database: Database, runId: string): Promise<void> {
    await database.commit(insertSessions(sessionId));
    await store(journal).record({
      runId,
      sessionId,
      epoch: null,
      isNew: true,
      decide: () => ({
        kind: 'events',
        events: [...opening, status('PENDING', 'IN_PROGRESS', { turn: 1 }), delta('für dich')],
      }),
    });
  }

  const store = (journal: Journal) =>
    createRunStore({ journal, claimNow: () => null, now: () => 0, cachedRuns: 10, isShared: false });

  /** Ends the run in the same commit as it stores a text of 5 bytes. */
  async function end(journal: Journal, runId: string): Promise<void> {
    const { row } = storeText(() => 'txt_1', runId, 'fünf');
    await store(journal).record({
      runId,
      sessionId,
      epoch: null,
      decide: () => ({ kind: 'events', events: [delta('and more'), ending], rows: [row] }),
    });
  }

  async function counted(database: Database) {
    const events = await database.reader.event.findMany({ select: { payload: true } });
    const payloads = events.reduce((sum, { payload }) => sum + Buffer.byteLength(payload), 0);
    const [session] = await database.reader.session.findMany({ select: { storedBytes: true } });
    const [row] = await database.reader.tape.findMany({ select: { payloadBytes: true } });
    const ofTape = row?.payloadBytes ?? null;
    return { payloads, ofTape: ofTape === null ? null : Number(ofTape), ofSession: Number(session?.storedBytes) };
  }

  test('are those that the journal has counted, and its stored texts', async () => {
    const { database, journal } = await open();
    const runId = newRunId();
    await begin(journal, database, runId);
    await end(journal, runId);
    const { payloads, ofTape, ofSession } = await counted(database);
    expect({ ofTape, ofSession }).toEqual({ ofTape: payloads, ofSession: payloads + 5 });
  });

  test('are read from the tape if another server began the run, and by a rebuild', async () => {
    const { database, journal } = await open();
    const runId = newRunId();
    await begin(journal, database, runId);
    const other = createDatabaseJournal(database, systemClock);
    await end(other, runId);
    const { payloads, ofTape, ofSession } = await counted(database);
    expect({ ofTape, ofSession }).toEqual({ ofTape: null, ofSession: payloads + 5 });
    await database.write((client) => client.$executeRawUnsafe('UPDATE "Tape" SET "payloadBytes" = 1'));
    await rebuildProjections(database, other);
    expect((await counted(database)).ofSession).toBe(payloads + 5);
  });
});
