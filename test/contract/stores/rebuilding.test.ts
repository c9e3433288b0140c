import { describe, expect, test } from 'vitest';
import type { NewEvent } from '../../../src/domain/events.ts';
import { memoryPassages } from '../../../src/repositories/memories.ts';
import { insertSession, titlePassages } from '../../../src/repositories/sessions.ts';
import { rebuildProjections } from '../../../src/run-store/rebuild.ts';
import { awaitingApproval, context, inProgress, output, status } from '../../unit/domain/given.ts';
import { sequence } from '../appends.ts';
import { type Store, stores } from './both-stores.ts';
import { CREATED, createSession, recordRun } from './recorded-runs.ts';

const ended = [inProgress, context(1), output(1, { text: 'The otter swims.' }), status('IN_PROGRESS', 'DONE')];

/** Every row that a rebuild writes. */
async function rowsOf({ database: { reader } }: Store) {
  const byRun = { orderBy: { runId: 'asc' } } as const;
  return {
    sessions: await reader.session.findMany({ orderBy: { id: 'asc' } }),
    runs: await reader.run.findMany({ orderBy: { id: 'asc' } }),
    waits: await reader.wait.findMany({ orderBy: { id: 'asc' } }),
    uses: await reader.attachmentUse.findMany(byRun),
    metadata: await reader.runMetadata.findMany(byRun),
    passages: await reader.passage.findMany({
      omit: { id: true },
      orderBy: [{ sourceId: 'asc' }, { seq: 'asc' }, { part: 'asc' }],
    }),
  };
}

describe.each(stores)('B30: a rebuild on %s', (_provider, open) => {
  async function openFilled(): Promise<Store> {
    const store = await open();
    await createSession(store, 'one', { title: 'Zoo' });
    await createSession(store, 'two');
    await createSession(store, 'three');
    await recordRun(store, 'run_1', 'one', ended);
    await recordRun(store, 'run_2', 'three', awaitingApproval('a'));
    await recordRun(store, 'run_3', 'two', inProgress);
    const at = new Date(CREATED);
    const memory = { id: 'mem_1', text: 'Otters are fed at four.' };
    await store.database.write((client) =>
      client.memory.create({ data: { ...memory, owner: 'ada', tags: '["zoo"]', createdAt: at, updatedAt: at } }),
    );
    await store.database.commit(memoryPassages({ ...memory, tags: ['zoo'] }));
    return store;
  }

  test('changes nothing in a database that agrees with its tapes, and counts the runs', async () => {
    const store = await openFilled();
    const before = await rowsOf(store);
    expect(before).toMatchObject({ runs: [{}, {}, {}], waits: [{}] });
    expect(before.passages.map(({ sourceId }) => sourceId)).toEqual(
      expect.arrayContaining(['mem_1', 'one', 'run_1', 'run_2', 'run_3']),
    );
    expect(await rebuildProjections(store.database, store.journal)).toBe(3);
    expect(await rowsOf(store)).toEqual(before);
  });

  test('restores rows that were lost or changed, and deletes those without a tape', async () => {
    const store = await openFilled();
    const before = await rowsOf(store);
    const [run] = before.runs;
    if (!run) throw new Error('There is no run.');
    await store.database.write((client) =>
      client.$transaction(async (transaction) => {
        await transaction.wait.deleteMany();
        await transaction.passage.deleteMany();
        await transaction.run.delete({ where: { id: 'run_2' } });
        await transaction.run.update({ where: { id: 'run_1' }, data: { output: 'wrong', steps: 77 } });
        await transaction.session.updateMany({ data: { activeAt: new Date(0), storedBytes: 1 } });
        await transaction.run.create({ data: { ...run, id: 'run_without_tape', turn: 9 } });
      }),
    );
    await rebuildProjections(store.database, store.journal);
    expect(await rowsOf(store)).toEqual(before);
  });

  test('keeps when a session was active, if the end of a long tape does not say it', async () => {
    const store = await open();
    await createSession(store, 'one');
    const deltas = sequence(1100).map((n): NewEvent => {
      return { type: 'output_delta', actor: 'MODEL', payload: { step: 1, text: `${n}` } };
    });
    await recordRun(store, 'run_1', 'one', [inProgress, context(1), deltas]);
    const before = await rowsOf(store);
    expect(before.sessions).not.toMatchObject([{ activeAt: new Date(CREATED) }]);
    await rebuildProjections(store.database, store.journal);
    expect(await rowsOf(store)).toEqual(before);
  });

  test('reads every run, session and memory, however many there are', async () => {
    const store = await open();
    const { database } = store;
    const ids = sequence(501).map((n) => `ses_${String(n).padStart(4, '0')}`);
    await database.commit(
      ids.flatMap((id) => [
        insertSession({ id, owner: 'ada', key: id, title: `title ${id}`, agentId: null, createdAt: CREATED }),
        ...titlePassages(id, `title ${id}`),
      ]),
    );
    for (const id of ids.slice(0, 51)) await recordRun(store, `run_${id}`, id, ended);
    await database.write((client) =>
      client.memory.createMany({
        data: ids.map((id) => ({
          id: `mem_${id}`,
          owner: 'ada',
          text: `memory ${id}`,
          tags: '[]',
          createdAt: new Date(CREATED),
          updatedAt: new Date(CREATED),
        })),
      }),
    );
    expect(await rebuildProjections(database, store.journal)).toBe(51);
    const sources = await database.reader.passage.findMany({ distinct: ['sourceId'], select: { sourceId: true } });
    // Each session and each memory has a passage, and each of the runs has one source for its texts.
    expect(sources).toHaveLength(501 + 501 + 51);
  });
});
