import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { FollowBatch } from '../../../src/streams/follow-run.ts';
import type { Following } from '../../../src/streams/following.ts';
import { delta, ending, newRunId, seqsOf } from '../../contract/appends.ts';
import { createLiveTapes, take } from './live-runs.ts';

const finished = { done: true, value: undefined };

/** A reader who has caught up with a tape of one event. */
async function openLive() {
  const tapes = createLiveTapes();
  const runId = newRunId();
  await tapes.write(runId, delta('1'));
  const leaving = new AbortController();
  const following = tapes.follow(runId, { signal: leaving.signal });
  await take(following);
  return { ...tapes, runId, following, leaving };
}

interface Leaving {
  following: Following<FollowBatch>;
  leaving: AbortController;
}

const ways: [string, (reader: Leaving) => unknown][] = [
  ['return', ({ following }) => following.return?.()],
  ['throw', ({ following }) => following.throw?.(new Error('the reader failed')).catch(() => undefined)],
  ['its signal', ({ leaving }) => leaving.abort()],
];

describe.each(ways)('a reader who leaves by %s', (_way, leave) => {
  test('while it waits is gone at once, and leaves no listener and no timer', async () => {
    const reader = await openLive();
    const pending = [reader.following.next(), reader.following.next()];
    await setImmediate();
    expect([reader.bus.listeners(), reader.clock.pending()]).toEqual([1, 1]);
    await leave(reader);
    expect([reader.bus.listeners(), reader.clock.pending()]).toEqual([0, 0]);
    expect(await Promise.all(pending)).toEqual([finished, finished]);
    await reader.write(reader.runId, delta('2'));
    expect(await reader.following.next()).toEqual(finished);
    expect([reader.bus.listeners(), reader.clock.pending()]).toEqual([0, 0]);
  });

  test('while the journal answers is gone at once, and gets nothing any more', async () => {
    const reader = await openLive();
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const { read } = reader.journal;
    reader.dependencies.journal.read = async (...range) => {
      await answered;
      return read(...range);
    };
    reader.tellBy('heads');
    await reader.write(reader.runId, delta('2'));
    const pending = reader.following.next();
    await setImmediate();
    await leave(reader);
    expect(await pending).toEqual(finished);
    expect(reader.bus.listeners()).toBe(0);
    answer();
    await setImmediate();
    expect([reader.bus.listeners(), reader.clock.pending()]).toEqual([0, 0]);
  });

  test('between two values is not heard of again', async () => {
    const reader = await openLive();
    await leave(reader);
    await leave(reader);
    expect([reader.bus.listeners(), reader.clock.pending()]).toEqual([0, 0]);
    expect(await reader.following.next()).toEqual(finished);
  });

  test('before it has read anything costs nothing', async () => {
    const tapes = createLiveTapes();
    const runId = newRunId();
    await tapes.write(runId, delta('1'));
    const leaving = new AbortController();
    const following = tapes.follow(runId, { signal: leaving.signal });
    expect(tapes.bus.listeners()).toBe(0);
    await leave({ following, leaving });
    expect(await following.next()).toEqual(finished);
    expect([tapes.bus.listeners(), tapes.clock.pending(), tapes.reads()]).toEqual([0, 0, 0]);
  });
});

test('a reader that breaks out of its loop leaves nothing behind', async () => {
  const { write, follow, bus, clock } = createLiveTapes();
  const runId = newRunId();
  await write(runId, delta('1'));
  for await (const { seq } of follow(runId)) if (seq === 1) break;
  expect([bus.listeners(), clock.pending()]).toEqual([0, 0]);
});

test('what was asked for at once is answered in order', async () => {
  const { following, write, runId } = await openLive();
  const pending = [following.next(), following.next(), following.next(), following.next()];
  await setImmediate();
  await write(runId, delta('2'));
  await setImmediate();
  await write(runId, delta('3'), ending);
  const [first, second, ...rest] = await Promise.all(pending);
  expect([first, second].map((result) => seqsOf(result?.value?.events ?? []))).toEqual([[2], [3, 4]]);
  expect(rest).toEqual([finished, finished]);
});

test('a journal that fails ends the reader with its error, and leaves nothing behind', async () => {
  const { following, journal, write, runId, bus, clock, tellBy } = await openLive();
  journal.read = () => Promise.reject(new Error('the disk is gone'));
  tellBy('heads');
  await write(runId, delta('2'));
  await expect(following.next()).rejects.toThrow('the disk is gone');
  expect([bus.listeners(), clock.pending()]).toEqual([0, 0]);
  expect(await following.next()).toEqual(finished);
});
