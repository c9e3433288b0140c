import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { StoreError } from '../../../src/database/store-error.ts';
import type { FollowBatch, FollowRequest } from '../../../src/streams/follow-run.ts';
import type { LiveStream } from '../../../src/streams/live-stream.ts';
import { delta, ending, newRunId, seqsOf, sequence } from '../../contract/appends.ts';
import { createLiveTapes, readAvailable } from './live-tapes.ts';

/** A stream without iterator, which has caught up with a tape of one event. */
async function openLive(options: Partial<FollowRequest> = {}) {
  const tapes = createLiveTapes({ pageEvents: 5, bufferEvents: 8 });
  const runId = newRunId();
  await tapes.write(runId, delta('1'));
  const stream = tapes.open(runId, options);
  let signals = 0;
  stream.onReadable(() => {
    signals += 1;
  });
  let closed = 0;
  stream.onClose(() => {
    closed += 1;
  });
  expect(stream.read()).toBe('pending');
  await setImmediate();
  expect(readAvailable(stream)).toHaveLength(2);
  signals = 0;
  return { ...tapes, runId, stream, signals: () => signals, closed: () => closed };
}

/** The seqs of all events that are available now, then why there are no more. */
const availableIn = (stream: LiveStream<FollowBatch>) =>
  readAvailable(stream).flatMap<string | number>((value) => (typeof value === 'string' ? value : seqsOf(value.events)));

describe('a stream that is read without waiting', () => {
  test('signals once that events have arrived, and returns them without a read of the journal', async () => {
    const { write, runId, stream, signals, reads } = await openLive();
    const before = reads();
    await write(runId, delta('2'));
    expect([signals(), availableIn(stream)]).toEqual([1, [2, 'pending']]);
    await write(runId, delta('3'));
    await write(runId, delta('4'), delta('5'));
    expect([signals(), availableIn(stream)]).toEqual([2, [3, 4, 5, 'pending']]);
    await setImmediate();
    expect([signals(), reads()]).toEqual([2, before]);
  });

  test('ends after the last event', async () => {
    const { write, runId, stream, signals, closed, notifications, clock } = await openLive();
    await write(runId, delta('2'), ending);
    const last = stream.read();
    expect(last).toMatchObject({ events: [{ seq: 2 }, { seq: 3 }], closed: true });
    expect([stream.read(), stream.read()]).toEqual(['end', 'end']);
    expect([signals(), closed()]).toEqual([1, 1]);
    expect([notifications.listeners(), clock.pending()]).toEqual([0, 0]);
  });

  test('returns nothing of other types', async () => {
    const { write, runId, stream, signals } = await openLive({ types: ['tool_call'] });
    await write(runId, delta('2'));
    expect([signals(), stream.read()]).toEqual([1, 'pending']);
  });

  test('signals again when events that a notification did not bring are fetched', async () => {
    const { write, runId, stream, signals, setMode, reads } = await openLive();
    const before = reads();
    setMode('heads');
    await write(runId, delta('2'));
    expect([signals(), stream.read(), stream.read()]).toEqual([1, 'pending', 'pending']);
    await setImmediate();
    expect([signals(), availableIn(stream)]).toEqual([2, [2, 'pending']]);
    expect(reads() - before).toBe(1);
  });

  test('finds the events of a lost notification within two poll intervals', async () => {
    const { write, runId, stream, signals, setMode, clock } = await openLive();
    setMode('lost');
    await write(runId, delta('2'));
    await clock.advance(10_000);
    expect([signals(), stream.read()]).toEqual([1, 'pending']);
    await setImmediate();
    expect(availableIn(stream)).toEqual([2, 'pending']);
  });

  test('polls after an interval without a notification, not after one with a notification that it did not need', async () => {
    const { write, runId, stream, reads, clock } = await openLive({ types: ['tool_call'] });
    const before = reads();
    for (let interval = 0; interval < 3; interval += 1) {
      await clock.advance(3000);
      await write(runId, delta('2'));
      expect(stream.read()).toBe('pending');
      await clock.advance(2000);
      expect(stream.read()).toBe('pending');
      expect(reads()).toBe(before);
    }
    await clock.advance(5000);
    expect(stream.read()).toBe('pending');
    expect(reads()).toBe(before + 1);
  });

  test('fails if the store is away at its first read, and waits for the store later', async () => {
    const { open, journal, write, clock } = createLiveTapes();
    const runId = newRunId();
    await write(runId, delta('1'));
    const { read, head } = journal;
    const fail = () => Promise.reject(new StoreError('unavailable', 'away'));
    Object.assign(journal, { read: fail, head: fail });
    const failing = open(runId);
    expect(failing.read()).toBe('pending');
    await setImmediate();
    expect(() => failing.read()).toThrow(StoreError);
    Object.assign(journal, { read, head });
    const stream = open(runId);
    stream.read();
    await setImmediate();
    expect(availableIn(stream)).toEqual([1, 'pending']);
    Object.assign(journal, { read: fail, head: fail });
    await clock.advance(5000);
    expect(stream.read()).toBe('pending');
    await setImmediate();
    expect(stream.read()).toBe('pending');
    Object.assign(journal, { read, head });
    await write(runId, delta('2'));
    expect(stream.read()).toBe('pending');
    await setImmediate();
    expect(availableIn(stream)).toEqual([2, 'pending']);
  });

  test('returns nothing more after it was closed, and signals the reader that waits', async () => {
    const { write, runId, stream, signals, closed } = await openLive();
    stream.close();
    expect([signals(), closed(), stream.read()]).toEqual([1, 1, 'end']);
    await write(runId, delta('2'));
    stream.close();
    expect([signals(), closed(), stream.read()]).toEqual([1, 1, 'end']);
  });

  test('throws once what made it fail, and has ended then', async () => {
    const { write, runId, stream, signals, closed, journal, setMode } = await openLive();
    journal.read = () => Promise.reject(new Error('the disk is full'));
    setMode('heads');
    await write(runId, delta('2'));
    expect(stream.read()).toBe('pending');
    await setImmediate();
    expect([signals(), closed()]).toEqual([2, 1]);
    expect(() => stream.read()).toThrow('the disk is full');
    expect(stream.read()).toBe('end');
  });
});

test('B27: nothing is fetched for a reader that does not read, however long; then it gets everything', async () => {
  const { write, runId, stream, signals, reads, clock } = await openLive();
  const before = reads();
  for (const n of sequence(40)) await write(runId, delta(`${n}`));
  await clock.advance(60_000);
  expect([signals(), reads(), clock.pending()]).toEqual([1, before, 0]);
  const seqs: unknown[] = [];
  while (seqs.length < 40) {
    seqs.push(...availableIn(stream).slice(0, -1));
    await setImmediate();
  }
  expect(seqs).toEqual(sequence(41, 2));
});
