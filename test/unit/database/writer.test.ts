import { expect, test } from 'vitest';
import type { Connection } from '../../../src/database/sqlite/connection.ts';
import type { ConnectionThread } from '../../../src/database/sqlite/connection-thread.ts';
import { createWriter } from '../../../src/database/sqlite/writer.ts';
import { StoreError } from '../../../src/database/store-error.ts';
import { createFakeClock } from '../fake-clock.ts';

const threadThresholds = { milliseconds: 10, callers: 2 };
/** Enough for the means to be those of these writes. */
const MANY = 500;

/** A writer over connections that note who wrote. Each write takes `takes.milliseconds`. */
function openWriter(start: () => Promise<void> = async () => undefined) {
  const takes = { milliseconds: 1 };
  const state = { isRunning: false, starts: 0 };
  const writers: string[] = [];
  let now = 0;
  const clock = { ...createFakeClock(), elapsed: () => now };
  const connection = {
    commit() {
      now += takes.milliseconds;
      writers.push('here');
    },
  } as unknown as Connection;
  const thread: ConnectionThread = {
    async start() {
      state.starts += 1;
      await start();
      state.isRunning = true;
    },
    isRunning: () => state.isRunning,
    async perform() {
      writers.push('thread');
      return { value: undefined, milliseconds: takes.milliseconds };
    },
    close: async () => undefined,
  };
  const writer = createWriter({ connection, thread, clock, threadThresholds });
  return {
    state,
    /** Who wrote the last of many. */
    async writes(milliseconds: number, callers: number, count = MANY) {
      takes.milliseconds = milliseconds;
      for (let left = count; left > 0; left -= 1) await writer.commit([], callers);
      return writers.at(-1);
    },
  };
}

test('short writes with one caller each are executed here, and no thread is started', async () => {
  const { writes, state } = openWriter();
  expect(await writes(9, 1)).toBe('here');
  expect(state.starts).toBe(0);
});

test.each([
  ['writes take long', 10.1, 1],
  ['several callers wait for each', 1, 2.1],
])('a thread executes them when %s, until they have become fewer by a quarter', async (_, milliseconds, callers) => {
  const { writes } = openWriter();
  expect(await writes(milliseconds, callers)).toBe('thread');
  expect(await writes(milliseconds * 0.8, callers * 0.8)).toBe('thread');
  expect(await writes(milliseconds * 0.7, callers * 0.7)).toBe('here');
});

test('one long write is not enough', async () => {
  const { writes } = openWriter();
  await writes(1, 1);
  expect(await writes(200, 1, 1)).toBe('here');
  expect(await writes(1, 1, 1)).toBe('here');
});

test('writes are executed here until the thread runs, and if it cannot start', async () => {
  let fail = () => {};
  const starting = new Promise<void>((_, reject) => {
    fail = () => reject(new Error('no memory'));
  });
  const { writes, state } = openWriter(() => starting);
  expect(await writes(20, 1)).toBe('here');
  expect(state.starts).toBe(1);
  fail();
  expect(await writes(20, 1)).toBe('here');
  expect(state.starts).toBe(1);
});

test('a thread that has ended is started again', async () => {
  const { writes, state } = openWriter();
  await writes(20, 1);
  state.isRunning = false;
  expect(await writes(20, 1)).toBe('thread');
  expect(state.starts).toBe(2);
});

test('a write that fails rejects with its error', async () => {
  const failure = new StoreError('constraint', 'rule');
  const commit = () => {
    throw failure;
  };
  const connection = { commit } as unknown as Connection;
  const writer = createWriter({
    connection,
    thread: {} as ConnectionThread,
    clock: createFakeClock(),
    threadThresholds,
  });
  await expect(writer.commit([], 1)).rejects.toBe(failure);
});
