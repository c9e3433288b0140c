import { describe, expect, test } from 'vitest';
import type { RecordedEvent } from '../../../src/domain/events.ts';
import { createCachedReader } from '../../../src/journal/cached-reader.ts';
import type { TapeReader } from '../../../src/journal/tape-reader.ts';
import { type Given, status, tape } from '../domain/given.ts';

const thought = (text: string): Given => ({ type: 'thought', actor: 'MODEL', payload: { step: 1, text } });
const delta = (text: string): Given => ({
  type: 'output_delta',
  actor: 'MODEL',
  payload: { step: 1, text },
});

/** A reader with one tape of five events in the cache. It records which tapes are read from the database. */
function open(...given: Given[]) {
  const events = tape(...given).map((event) => ({ ...event, hash: `hash ${event.seq}` })) as RecordedEvent[];
  const readFromDatabase: string[] = [];
  const ofDatabase = async (runId: string) => {
    readFromDatabase.push(runId);
    return [];
  };
  const manyOfDatabase = async (runIds: readonly string[]) => {
    readFromDatabase.push(runIds.join(' '));
    return new Map(runIds.map((runId) => [runId, []]));
  };
  const database: Omit<TapeReader, 'readStored' | 'heads'> = {
    read: ofDatabase,
    readBack: ofDatabase,
    readMany: (tapes) => manyOfDatabase(tapes.map(({ runId }) => runId)),
    readEnds: manyOfDatabase,
    head: async (runId) => {
      readFromDatabase.push(runId);
      return null;
    },
  };
  const cached = { sessionId: 'ses_1', events, bytes: 0 };
  const cache = {
    find: (runId: string) => (runId === 'run_1' ? cached : null),
    hide: () => undefined,
    show: () => undefined,
    add: () => undefined,
    forget: () => undefined,
  };
  return { reader: createCachedReader(cache, database as TapeReader), readFromDatabase };
}

const five = [thought('a'), delta('b'), thought('c'), delta('d'), thought('e')];
const seqs = (events: readonly RecordedEvent[] | undefined) => events?.map(({ seq }) => seq);

describe('a cached tape', () => {
  test('is read forwards after a position, up to another one', async () => {
    const { reader } = open(five);
    const read = async (options: Parameters<typeof reader.read>[1]) => seqs(await reader.read('run_1', options));
    expect(await read({ after: 0, limit: 9 })).toEqual([1, 2, 3, 4, 5]);
    expect(await read({ after: 1, limit: 2 })).toEqual([2, 3]);
    expect(await read({ after: 1, upTo: 2, limit: 9 })).toEqual([2]);
    expect(await read({ after: 5, limit: 9 })).toEqual([]);
    expect(await read({ after: 0, limit: 2, types: ['thought'] })).toEqual([1, 3]);
    expect(await read({ after: 1, upTo: 4, limit: 9, types: ['thought'] })).toEqual([3]);
    expect(await read({ after: 0, limit: 9, types: [] })).toEqual([]);
  });

  test('is read backwards before a position, in the order of the tape', async () => {
    const { reader } = open(five);
    const read = async (options: Parameters<typeof reader.readBack>[1]) =>
      seqs(await reader.readBack('run_1', options));
    expect(await read({ before: 4, limit: 2 })).toEqual([2, 3]);
    expect(await read({ before: 99, limit: 9 })).toEqual([1, 2, 3, 4, 5]);
    expect(await read({ before: 1, limit: 9 })).toEqual([]);
    expect(await read({ before: 0, limit: 9 })).toEqual([]);
    expect(await read({ before: 5, limit: 1, types: ['thought'] })).toEqual([3]);
    expect(await read({ before: 6, limit: 2, types: ['thought'] })).toEqual([3, 5]);
  });

  test('has a head, which is closed by the end of the run alone', async () => {
    const head = async (...given: Given[]) => open(...given).reader.head('run_1');
    expect(await head(five)).toEqual({ sessionId: 'ses_1', head: 5, closed: false, hash: 'hash 5' });
    expect(await head(status('IN_PROGRESS', 'DONE'))).toMatchObject({ head: 1, closed: true });
    expect(await head(status('PENDING', 'IN_PROGRESS'))).toMatchObject({ head: 1, closed: false });
    expect(await head()).toBeNull();
  });

  test('is never read from the database', async () => {
    const { reader, readFromDatabase } = open(five);
    await reader.read('run_1', { after: 0, limit: 1 });
    await reader.readBack('run_1', { before: 2, limit: 1 });
    await reader.readMany([{ runId: 'run_1', upTo: 5 }], ['thought']);
    await reader.readEnds(['run_1'], 1);
    await reader.head('run_1');
    expect(readFromDatabase).toEqual([]);
  });
});

describe('of several tapes', () => {
  test('only those are read from the database that are not cached', async () => {
    const { reader, readFromDatabase } = open(five);
    const wanted = [
      { runId: 'run_1', after: 1, upTo: 4 },
      { runId: 'run_2', upTo: 4 },
    ];
    const parts = await reader.readMany(wanted, ['thought', 'output_delta']);
    expect([...parts].map(([runId, events]) => [runId, seqs(events)])).toEqual([
      ['run_1', [2, 3, 4]],
      ['run_2', []],
    ]);
    const whole = await reader.readMany([{ runId: 'run_1', upTo: 5 }], ['thought']);
    expect(seqs(whole.get('run_1'))).toEqual([1, 3, 5]);
    const ends = await reader.readEnds(['run_2', 'run_1'], 2);
    expect(seqs(ends.get('run_1'))).toEqual([4, 5]);
    expect(ends.get('run_2')).toEqual([]);
    expect(seqs((await reader.readEnds(['run_1'], 9)).get('run_1'))).toEqual([1, 2, 3, 4, 5]);
    expect(readFromDatabase).toEqual(['run_2', 'run_2']);
  });

  test('a tape that is not cached is read from the database', async () => {
    const { reader, readFromDatabase } = open(five);
    expect(await reader.read('run_2', { after: 0, limit: 9 })).toEqual([]);
    expect(await reader.readBack('run_2', { before: 9, limit: 9 })).toEqual([]);
    expect(await reader.head('run_2')).toBeNull();
    expect(readFromDatabase).toEqual(['run_2', 'run_2', 'run_2']);
  });
});
