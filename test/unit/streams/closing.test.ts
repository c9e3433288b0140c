import { getEventListeners } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { FollowBatch } from '../../../src/streams/follow-run.ts';
import { delta, ending, newRunId, seqsOf } from '../../contract/appends.ts';
import { createLiveTapes, next } from './live-tapes.ts';

const finished = { done: true, value: undefined };

/** A reader that has caught up with a tape of one event. */
async function openLive() {
  const tapes = createLiveTapes();
  const runId = newRunId();
  await tapes.write(runId, delta('1'));
  const controller = new AbortController();
  const reader = tapes.follow(runId, { signal: controller.signal });
  await next(reader);
  /** Subscriptions and timers. */
  const resources = () => [tapes.notifications.listeners(), tapes.clock.pending()];
  return { ...tapes, runId, reader, controller, resources };
}

interface Closing {
  reader: AsyncIterableIterator<FollowBatch, undefined>;
  controller: AbortController;
}

const ways: [string, (closing: Closing) => unknown][] = [
  ['return', ({ reader }) => reader.return?.()],
  ['throw', ({ reader }) => reader.throw?.(new Error('the reader failed')).catch(() => undefined)],
  ['its signal', ({ controller }) => controller.abort()],
];

describe.each(ways)('a stream that is closed by %s', (_way, close) => {
  test('while next is pending ends at once, and leaves no listener and no timer', async () => {
    const live = await openLive();
    const pending = [live.reader.next(), live.reader.next()];
    await setImmediate();
    expect(live.resources()).toEqual([1, 1]);
    await close(live);
    expect(live.resources()).toEqual([0, 0]);
    expect(await Promise.all(pending)).toEqual([finished, finished]);
    await live.write(live.runId, delta('2'));
    expect(await live.reader.next()).toEqual(finished);
    expect(live.resources()).toEqual([0, 0]);
  });

  test('during a read of the journal ends at once, and returns nothing of that read', async () => {
    const live = await openLive();
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const { read } = live.journal;
    live.dependencies.journal.read = async (...range) => {
      await answered;
      return read(...range);
    };
    live.setMode('heads');
    await live.write(live.runId, delta('2'));
    const pending = live.reader.next();
    await setImmediate();
    await close(live);
    expect(await pending).toEqual(finished);
    expect(live.notifications.listeners()).toBe(0);
    answer();
    await setImmediate();
    expect(live.resources()).toEqual([0, 0]);
    expect(await live.reader.next()).toEqual(finished);
  });

  test('between two values stays closed', async () => {
    const live = await openLive();
    await close(live);
    await close(live);
    expect(live.resources()).toEqual([0, 0]);
    expect(await live.reader.next()).toEqual(finished);
  });

  test('before the first read has cost nothing', async () => {
    const tapes = createLiveTapes();
    const runId = newRunId();
    await tapes.write(runId, delta('1'));
    const controller = new AbortController();
    const reader = tapes.follow(runId, { signal: controller.signal });
    expect(tapes.notifications.listeners()).toBe(0);
    await close({ reader, controller });
    expect(await reader.next()).toEqual(finished);
    expect([tapes.notifications.listeners(), tapes.clock.pending(), tapes.reads()]).toEqual([0, 0, 0]);
  });
});

test('a stream that is closed during a read that then fails has ended without the error', async () => {
  const { open, journal, write } = createLiveTapes();
  const runId = newRunId();
  await write(runId, delta('1'));
  journal.read = () => Promise.reject(new Error('the disk is full'));
  const controller = new AbortController();
  const stream = open(runId, { signal: controller.signal });
  expect(stream.read()).toBe('pending');
  stream.close();
  await setImmediate();
  expect(stream.read()).toBe('end');
  expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
});

test('a reader that breaks out of its loop leaves nothing behind', async () => {
  const { write, follow, notifications, clock } = createLiveTapes();
  const runId = newRunId();
  await write(runId, delta('1'));
  for await (const { seq } of follow(runId)) if (seq === 1) break;
  expect([notifications.listeners(), clock.pending()]).toEqual([0, 0]);
});

test('several pending calls of next are answered in order', async () => {
  const { reader, write, runId } = await openLive();
  const pending = [reader.next(), reader.next(), reader.next(), reader.next()];
  await setImmediate();
  await write(runId, delta('2'));
  await setImmediate();
  await write(runId, delta('3'), ending);
  const [first, second, ...rest] = await Promise.all(pending);
  expect([first, second].map((result) => seqsOf(result?.value?.events ?? []))).toEqual([[2], [3, 4]]);
  expect(rest).toEqual([finished, finished]);
});

test('a stream whose signal has aborted before it was created is closed', async () => {
  const { open, reads } = createLiveTapes();
  let closed = 0;
  const stream = open(newRunId(), { signal: AbortSignal.abort() });
  stream.onClose(() => {
    closed += 1;
  });
  expect([stream.read(), closed, reads()]).toEqual(['end', 1, 0]);
});

test('a journal that fails ends the stream with its error, and leaves nothing behind', async () => {
  const { reader, journal, write, runId, resources, setMode } = await openLive();
  journal.read = () => Promise.reject(new Error('the disk is full'));
  setMode('heads');
  await write(runId, delta('2'));
  await expect(reader.next()).rejects.toThrow('the disk is full');
  expect(resources()).toEqual([0, 0]);
  expect(await reader.next()).toEqual(finished);
});
