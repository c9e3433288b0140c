import { describe, expect, test } from 'vitest';
import type { Client } from '../../../src/database/database.ts';
import type { NewEvent } from '../../../src/domain/events.ts';
import { createRowComparison, type RowDifference } from '../../../src/run-store/compare-with-tapes.ts';
import {
  awaitingApproval,
  context,
  type Given,
  inProgress,
  output,
  status,
  steered,
  tape,
} from '../../unit/domain/given.ts';
import { type Store, stores } from './both-stores.ts';
import { CREATED, createSession, RECORDED, recordRun, runStoreOf } from './recorded-runs.ts';

const ended: Given = [inProgress, context(1), output(1, { text: 'The otter swims.' }), status('IN_PROGRESS', 'DONE')];

describe.each(stores)('B113: the rows of runs are compared with their tapes on %s', (_provider, open) => {
  /**
   * A session with a run that has these events, and what is found after a change of the rows. Another run has rows of every table,
   * which are none of its business.
   */
  async function openRun(given: Given = ended) {
    const store = await open();
    await createSession(store, 'one');
    await recordRun(store, 'run_1', 'one', given);
    await createSession(store, 'two');
    await createAttachment(store);
    await recordRun(store, 'run_2', 'two', withFiles(awaitingApproval('z')));
    const comparison = createRowComparison(store.database, store.journal);
    async function differencesAfter(change: (client: Client) => Promise<unknown>): Promise<RowDifference[]> {
      await store.database.write(change);
      return comparison.compareRun('run_1');
    }
    return { store, comparison, differencesAfter };
  }
  const differences = (run: { comparison: ReturnType<typeof createRowComparison> }) =>
    run.comparison.compareRun('run_1');

  test('and agree, whatever the run waits for', async () => {
    expect(await differences(await openRun())).toEqual([]);
    expect(await differences(await openRun(awaitingApproval('a')))).toEqual([]);
    const { comparison } = await openRun();
    expect(await comparison.compareRun('run_2')).toEqual([]);
    expect(await comparison.compareRun('run_unknown')).toEqual([]);
  });

  test('a row that is missing is named', async () => {
    const { differencesAfter } = await openRun(awaitingApproval('a'));
    expect(await differencesAfter((client) => client.wait.deleteMany({ where: { runId: 'run_1' } }))).toEqual([
      { row: 'Wait apr_a', fault: 'is missing' },
    ]);
    const passages = await differencesAfter((client) => client.passage.deleteMany());
    expect(passages).toContainEqual({ row: 'Passage run_1 1 0', fault: 'is missing' });
    expect(await differencesAfter((client) => client.run.deleteMany())).toContainEqual({
      row: 'Run run_1',
      fault: 'is missing',
    });
  });

  test('a row that is too much is named', async () => {
    const { store, differencesAfter } = await openRun();
    const metadata = await differencesAfter((client) =>
      client.runMetadata.create({ data: { runId: 'run_1', digest: 'abc', owner: 'ada' } }),
    );
    expect(metadata).toEqual([{ row: 'RunMetadata run_1 abc', fault: 'is not on the tape' }]);
    await store.database.write((client) => client.runMetadata.deleteMany({ where: { runId: 'run_1' } }));
    const uses = await differencesAfter((client) =>
      client.attachmentUse.create({ data: { runId: 'run_1', seq: 1, position: 2, attachmentId: 'att_1' } }),
    );
    expect(uses).toEqual([{ row: 'AttachmentUse run_1 1 2', fault: 'is not on the tape' }]);
  });

  test('the metadata and the attachments of a message are compared', async () => {
    const { store, comparison } = await openRun();
    await store.database.write(async (client) => {
      await client.runMetadata.updateMany({ data: { owner: 'ben' } });
      await client.attachmentUse.updateMany({ data: { position: 7 } });
    });
    expect(await comparison.compareRun('run_2')).toEqual([
      { row: expect.stringMatching(/^RunMetadata run_2 /), fault: 'has owner "ben", the tape says "ada"' },
      { row: 'AttachmentUse run_2 1 0', fault: 'is missing' },
      { row: 'AttachmentUse run_2 1 7', fault: 'is not on the tape' },
    ]);
  });

  test('a tape of many pages is compared as a whole', async () => {
    const deltas = Array.from({ length: 1100 }, (_, index): NewEvent => {
      return { type: 'output_delta', actor: 'MODEL', payload: { step: 1, text: `${index}` } };
    });
    const answer = output(1, { text: 'All of it.' });
    const given = [inProgress, context(1), deltas, answer, status('IN_PROGRESS', 'DONE')];
    const { comparison, differencesAfter } = await openRun(given);
    expect(await comparison.compareRun('run_1')).toEqual([]);
    expect(await comparison.compareSession('one')).toEqual([]);
    const changed = await differencesAfter((client) =>
      client.run.update({ where: { id: 'run_1' }, data: { output: 'Half of it.' } }),
    );
    expect(changed).toEqual([{ row: 'Run run_1', fault: 'has output "Half of it.", the tape says "All of it."' }]);
  });

  test('a column that differs is named with both values, times included', async () => {
    const { differencesAfter } = await openRun();
    const changed = await differencesAfter((client) =>
      client.run.update({ where: { id: 'run_1' }, data: { output: 'wrong', startedAt: new Date(CREATED) } }),
    );
    expect(changed).toEqual([
      { row: 'Run run_1', fault: 'has output "wrong", the tape says "The otter swims."' },
      { row: 'Run run_1', fault: expect.stringMatching(/^has startedAt "2026-01-01.00:00:00.+", the tape says "/) },
    ]);
  });

  test('a long value is shortened', async () => {
    const { differencesAfter } = await openRun();
    const data = { output: 'x'.repeat(100), cancelReason: 'y'.repeat(58) };
    const faults = (await differencesAfter((client) => client.run.update({ where: { id: 'run_1' }, data }))).map(
      ({ fault }) => fault,
    );
    expect(faults).toEqual([
      `has output "${'x'.repeat(59)}…, the tape says "The otter swims."`,
      `has cancelReason "${'y'.repeat(58)}", the tape says null`,
    ]);
  });

  test('a run that grows meanwhile is compared again', async () => {
    const { store } = await openRun(inProgress);
    const { journal } = store;
    let isFirst = true;
    const growing = {
      ...journal,
      async read(...parameters: Parameters<typeof journal.read>) {
        const events = await journal.read(...parameters);
        if (!isFirst || events.length > 0) return events;
        isFirst = false;
        await recordMore(store, context(1), output(1, { text: 'More.' }));
        return events;
      },
    };
    expect(await createRowComparison(store.database, growing).compareRun('run_1')).toEqual([]);
    expect(isFirst).toBe(false);
  });

  test('a run that grows all the time, or was purged meanwhile, has no difference', async () => {
    const { store, differencesAfter } = await openRun(inProgress);
    await differencesAfter((client) => client.run.update({ where: { id: 'run_1' }, data: { steps: 77 } }));
    let heads = 0;
    const comparison = (head: number | null) =>
      createRowComparison(store.database, {
        ...store.journal,
        async head(runId) {
          heads += 1;
          const stored = await store.journal.head(runId);
          return head === null || !stored ? null : { ...stored, head };
        },
      });
    expect(await comparison(99).compareRun('run_1')).toEqual([]);
    expect(heads).toBe(5);
    expect(await comparison(null).compareRun('run_1')).toEqual([]);
    expect(await comparison(3).compareRun('run_1')).toHaveLength(1);
  });
});

const file = { id: 'att_1', name: 'x', mediaType: 'text/plain', bytes: 1, sha256: 'a' };

async function createAttachment({ database }: Store): Promise<void> {
  await database.write(async (client) => {
    await client.blob.create({ data: { id: 'blob_1', owner: 'ada', sha256: 'a' } });
    const data = { ...file, owner: 'ada', blobId: 'blob_1', createdAt: new Date(CREATED) };
    await client.attachment.create({ data });
  });
}

/** The events, with a file and metadata in the first message. */
function withFiles(given: Given): Given {
  return tape(given).map((event) =>
    event.type === 'input'
      ? { ...event, payload: { ...event.payload, attachments: [file], metadata: { kind: 'test' } } }
      : event,
  );
}

const recordMore = (store: Store, ...events: (NewEvent | NewEvent[])[]) =>
  runStoreOf(store).record({
    runId: 'run_1',
    sessionId: 'one',
    epoch: null,
    decide: () => ({ kind: 'events', events: events.flat() }),
  });

describe.each(stores)('B113: the activity of a session is compared with its tapes on %s', (_provider, open) => {
  /** What is found after the row says that the session was active at this time. */
  async function faultAt(activeAt: number, given: Given = ended, { isCompared = true } = {}): Promise<RowDifference[]> {
    const store = await open();
    await createSession(store, 'one');
    await recordRun(store, 'run_1', 'one', given);
    const comparison = createRowComparison(store.database, store.journal);
    if (isCompared) await comparison.compareRun('run_1');
    await store.database.write((client) => client.session.updateMany({ data: { activeAt: new Date(activeAt) } }));
    return comparison.compareSession('one');
  }
  const time = (at: number) => JSON.stringify(at);

  test('and agrees with the newest of its runs, or with its creation', async () => {
    expect(await faultAt(RECORDED)).toEqual([]);
    const store = await open();
    await createSession(store, 'one');
    const comparison = createRowComparison(store.database, store.journal);
    expect(await comparison.compareSession('one')).toEqual([]);
    expect(await comparison.compareSession('unknown')).toEqual([]);
  });

  test('a session that was active earlier or later is named', async () => {
    expect(await faultAt(RECORDED - 1)).toEqual([
      { row: 'Session one', fault: `has activeAt ${time(RECORDED - 1)}, the tape says ${time(RECORDED)}` },
    ]);
    expect(await faultAt(RECORDED + 1)).toEqual([
      { row: 'Session one', fault: `has activeAt ${time(RECORDED + 1)}, the tape says ${time(RECORDED)}` },
    ]);
    expect(await faultAt(CREATED - 1, ended, { isCompared: false })).toMatchObject([{ row: 'Session one' }]);
  });

  test('a later time is right while a run is open, and if an event was recorded then', async () => {
    expect(await faultAt(RECORDED + 1, inProgress)).toEqual([]);
    expect(await faultAt(RECORDED - 1, inProgress)).toHaveLength(1);
    expect(await faultAt(RECORDED, ended, { isCompared: false })).toEqual([]);
    const store = await open();
    await createSession(store, 'one');
    await createSession(store, 'two');
    await recordRun(store, 'run_2', 'two', ended);
    await store.database.write((client) => client.session.updateMany({ data: { activeAt: new Date(RECORDED) } }));
    expect(await createRowComparison(store.database, store.journal).compareSession('one')).toHaveLength(1);
    expect(await faultAt(RECORDED + 1, ended, { isCompared: false })).toHaveLength(1);
  });

  test('each session is compared with its own runs, and the newest of them counts', async () => {
    const store = await open();
    const comparison = createRowComparison(store.database, store.journal);
    for (const [id, runId] of [
      ['one', 'run_1'],
      ['two', 'run_2'],
    ] as const) {
      await createSession(store, id);
      await recordRun(store, runId, id, ended);
    }
    let now = RECORDED + 1000;
    await runStoreOf(store, () => now).record({
      runId: 'run_3',
      sessionId: 'one',
      epoch: null,
      decide: () => ({ kind: 'events', events: inputOf('one') }),
    });
    now = 0;
    for (const runId of ['run_3', 'run_1', 'run_2']) await comparison.compareRun(runId);
    expect(await comparison.compareSession('one')).toEqual([]);
    expect(await comparison.compareSession('two')).toEqual([]);
    await store.database.write((client) =>
      client.session.update({ where: { id: 'one' }, data: { activeAt: new Date(RECORDED) } }),
    );
    for (const runId of ['run_3', 'run_1']) await comparison.compareRun(runId);
    expect(await comparison.compareSession('one')).toHaveLength(1);
  });
});

function inputOf(sessionId: string) {
  const [message, begun] = [steered('hello'), status(null, 'PENDING')];
  if (message.type !== 'input') throw new Error('It is no message.');
  const origin = { sessionId, agentId: null, model: null, retryOf: null, urgent: false, scopes: [] };
  return [{ ...message, payload: { ...message.payload, steered: false, origin } }, begun];
}
