import { describe, expect, test, vi } from 'vitest';
import { QUEUED_APPENDS } from '../../../src/config/limits.ts';
import { StoreError, type StoreFailure } from '../../../src/database/store-error.ts';
import { createAppender, type TapeStore } from '../../../src/journal/appender.ts';
import type { CachedHead } from '../../../src/journal/plan-appends.ts';
import { delta, request } from '../../contract/appends.ts';
import { createFakeClock } from '../fake-clock.ts';

const head = (seq: number): CachedHead => ({ seq, hash: `${seq}`, closed: false, payloadBytes: null });

/** An appender whose store has cached these heads, and does this with each write. */
function open(write: TapeStore['write'], { cached = 5, stored = 5 } = {}) {
  const store = {
    // A request that expects more than any tape has is for the stored head.
    heads: vi.fn<TapeStore['heads']>(async (requests) => {
      const isStored = requests.some(({ expectedHead }) => expectedHead > 1000);
      return new Map(requests.map(({ runId }) => [runId, head(isStored ? stored : cached)]));
    }),
    read: vi.fn<TapeStore['read']>(async () => []),
    write: vi.fn(write),
  };
  const published = vi.fn();
  return { ...createAppender(store, published, createFakeClock()), store, published };
}

const refusing = (rule: string) => open(async () => Promise.reject(new StoreError('constraint', rule)), { stored: 9 });

describe('a row that the database refuses', () => {
  test.each([
    ['tape_seq'],
    ['UNIQUE constraint failed: Event.runId, Event.seq'],
    ['UNIQUE constraint failed: Tape.runId'],
    ['Event_pkey'],
    ['Tape_pkey'],
  ])('is a conflict with the newest head if another writer was first: %s', async (rule) => {
    const { append, published } = refusing(rule);
    expect(await append(request('run_1', 5, [delta('a')]))).toEqual({ kind: 'conflict', head: 9 });
    expect(published).not.toHaveBeenCalled();
  });

  test.each([
    ['tape_closed', { kind: 'closed' }],
    ['tape_epoch', { kind: 'stale-epoch' }],
    ['Session.key', { kind: 'constraint', rule: 'Session.key' }],
  ])('by the rule %s has this outcome', async (rule, outcome) => {
    expect(await refusing(rule).append(request('run_1', 5, [delta('a')]))).toEqual(outcome);
  });

  test('does not fail the appends that share its commit: each is written alone', async () => {
    const { append, store, published } = open(async (appends) => {
      if (appends.some((each) => each.request.runId === 'bad')) throw new StoreError('constraint', 'Session.key');
    });
    const outcomes = await Promise.all(['good', 'bad', 'fine'].map((runId) => append(request(runId, 5, [delta('a')]))));
    expect(outcomes.map(({ kind }) => kind)).toEqual(['appended', 'constraint', 'appended']);
    expect(store.write.mock.calls.map(([appends]) => appends.length)).toEqual([3, 1, 1, 1]);
    expect(published.mock.calls.map(([{ runId }]) => runId)).toEqual(['good', 'fine']);
  });
});

describe('a store that fails', () => {
  test('keeps only the appends from being written whose rows another transaction has locked', async () => {
    const error = new StoreError('locked', 'lock timeout');
    const { append, store, published } = open(async (appends) => {
      if (appends.some((each) => each.request.runId === 'locked')) throw error;
    });
    const runIds = ['first', 'locked', 'last'];
    const outcomes = await Promise.allSettled(runIds.map((runId) => append(request(runId, 5, [delta('a')]))));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(outcomes[1]).toEqual({ status: 'rejected', reason: error });
    expect(store.write.mock.calls.map(([appends]) => appends.length)).toEqual([3, 1, 1, 1]);
    expect(published.mock.calls.map(([{ runId }]) => runId)).toEqual(['first', 'last']);
    await expect(append(request('locked', 5, [delta('a')]))).rejects.toBe(error);
  });

  test('rejects the rest of a commit after two locked appends, each of which has waited', async () => {
    const { append, store } = open(async (appends) => {
      if (appends.some((each) => each.request.runId !== 'free')) throw new StoreError('locked', 'lock timeout');
    });
    const runIds = ['a', 'free', 'b', 'c', 'free'];
    const outcomes = await Promise.allSettled(
      runIds.map((runId, n) => append(request(runId, n === 4 ? 6 : 5, [delta('a')]))),
    );
    expect(outcomes.map(({ status }) => status === 'fulfilled')).toEqual([false, true, false, false, false]);
    expect(store.write.mock.calls.map(([appends]) => appends.length)).toEqual([5, 1, 1, 1]);
  });

  test.each<StoreFailure>(['unavailable', 'busy'])(
    'rejects every append of the commit, which is not repeated: %s',
    async (failure) => {
      const error = new StoreError(failure, 'away');
      const { append, store } = open(async () => Promise.reject(error));
      const outcomes = await Promise.allSettled(['one', 'two'].map((runId) => append(request(runId, 5, [delta('a')]))));
      expect(outcomes).toEqual([
        { status: 'rejected', reason: error },
        { status: 'rejected', reason: error },
      ]);
      expect(store.write).toHaveBeenCalledOnce();
    },
  );
});

describe('appends that are refused before they are written', () => {
  test('cost no write', async () => {
    const { append, store } = open(async () => undefined);
    expect(await append(request('run_1', 4, [delta('a')]))).toEqual({ kind: 'conflict', head: 5 });
    expect(store.write).not.toHaveBeenCalled();
  });

  test('have their outcome if the connection is lost during the commit of others', async () => {
    let isFirst = true;
    const clock = createFakeClock();
    const store: TapeStore = {
      heads: async (requests) => new Map(requests.map(({ runId }) => [runId, head(5)])),
      read: async () => [],
      async write() {
        // The answer to the first attempt is lost, and another writer was first.
        const failure = isFirst ? 'unknown' : 'constraint';
        isFirst = false;
        throw new StoreError(failure, 'tape_seq');
      },
    };
    const { append } = createAppender(store, () => undefined, clock);
    const outcomes = Promise.all([
      append(request('refused', 4, [delta('a')])),
      append(request('written', 5, [delta('b')])),
    ]);
    for (let waits = 0; waits < 6; waits += 1) await clock.advance(2000);
    expect(await outcomes).toEqual([
      { kind: 'conflict', head: 5 },
      { kind: 'conflict', head: 5 },
    ]);
  });
});

test('a limited number of appends is queued, and further ones are refused as busy', async () => {
  const ends: (() => void)[] = [];
  const { append } = open(() => new Promise<void>((resolve) => void ends.push(resolve)));
  const turn = () => new Promise(setImmediate);
  const started = append(request('run_a', 5, [delta('a')]));
  await turn();
  expect(ends).toHaveLength(1);
  const queued = Array.from({ length: QUEUED_APPENDS }, (_, index) =>
    append(request(index % 2 === 0 ? 'run_a' : 'run_b', 4, [delta('a')])),
  );
  await expect(append(request('run_c', 5, [delta('a')]))).rejects.toMatchObject({
    failure: 'busy',
    detail: `more than ${QUEUED_APPENDS} appends are queued`,
  });
  while (ends.length > 0) {
    for (const end of ends.splice(0)) end();
    await turn();
  }
  await Promise.all([started, ...queued]);
});
