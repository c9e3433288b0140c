import { describe, expect, test } from 'vitest';
import type { Requests } from '../../../client/src/connection/requests.ts';
import { itemsOf } from '../../../client/src/iterate.ts';
import { createRunFeed, type RunFeed } from '../../../client/src/run/run-feed.ts';
import type { TapeEvent } from '../../../client/src/run/tape-event.ts';
import { RuntapeError } from '../../../client/src/runtape-error.ts';
import { batch, collect, deltas, fakeConnection, fakeRequests } from './fakes.ts';

function setUp(tape: readonly TapeEvent[] = [], given = fakeRequests(tape)) {
  const network = fakeConnection();
  const { requests, asked } = given;
  let idle = 0;
  const feed = createRunFeed({ runId: 'run_1', connection: network.connection, requests, onIdle: () => idle++ });
  return { ...network, feed, asked, idle: () => idle };
}

/** Reads batches. */
const read = (feed: RunFeed, after: string | null, signal?: AbortSignal) =>
  itemsOf(feed.read(after, signal), (events) => [events], signal);

const seqs = (batches: readonly (readonly TapeEvent[])[]) => batches.flat().map(({ seq }) => seq);

/** Lets promises that are settled call back. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('what arrives', () => {
  test('is delivered in order until the tape is closed', async () => {
    const { feed, deliver, running, idle } = setUp();
    const reading = collect(read(feed, null));
    deliver(batch(deltas(1, 2)));
    deliver(batch(deltas(3, 3), { closed: true }));
    expect(seqs(await reading)).toEqual([1, 2, 3]);
    expect(running.size).toBe(0);
    expect(idle()).toBeGreaterThan(0);
  });

  test('B77: a duplicate is dropped', async () => {
    const { feed, deliver, starts } = setUp();
    const reading = collect(read(feed, null));
    deliver(batch(deltas(1, 3)));
    deliver(batch(deltas(1, 3)));
    deliver(batch(deltas(2, 5), { closed: true }));
    expect(seqs(await reading)).toEqual([1, 2, 3, 4, 5]);
    expect(starts).toHaveLength(1);
  });

  test('B77: a gap is read again from the last event before it', async () => {
    const { feed, deliver, starts } = setUp();
    const reading = collect(read(feed, null));
    deliver(batch(deltas(1, 2)));
    deliver(batch(deltas(4, 6), { closed: true }));
    expect(starts).toEqual([
      { runId: 'run_1', after: null },
      { runId: 'run_1', after: 'c2' },
    ]);
    deliver(batch(deltas(3, 6), { closed: true }));
    expect(seqs(await reading)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('B77: a gap inside a batch, and one before an empty batch, are read again', async () => {
    const { feed, deliver, starts } = setUp();
    const reading = collect(read(feed, null));
    deliver(batch([...deltas(1, 2), ...deltas(4, 4)]));
    deliver(batch(deltas(3, 3)));
    deliver(batch([], { cursor: 'c5', closed: true }));
    deliver(batch(deltas(4, 5), { closed: true }));
    expect(starts.map((each) => (each as { after: string | null }).after)).toEqual([null, 'c2', 'c3']);
    expect(seqs(await reading)).toEqual([1, 2, 3, 4, 5]);
  });

  test('a first batch without events is no gap', async () => {
    const { feed, deliver, starts } = setUp();
    const first = read(feed, 'c5').next();
    deliver(batch([], { cursor: 'c5', caughtUp: true }));
    deliver(batch(deltas(6, 7)));
    expect(seqs([(await first).value ?? []])).toEqual([6, 7]);
    expect(starts).toHaveLength(1);
  });

  test('older duplicates, and news without events, are no gap', async () => {
    const { feed, deliver, starts } = setUp();
    const reading = collect(read(feed, null));
    deliver(batch([], { cursor: 'c0', caughtUp: true }));
    deliver(batch(deltas(1, 3)));
    deliver(batch(deltas(1, 2)));
    deliver(batch([], { cursor: 'c3', caughtUp: true }));
    deliver(batch(deltas(4, 4), { closed: true }));
    expect(seqs(await reading)).toEqual([1, 2, 3, 4]);
    expect(starts).toHaveLength(1);
  });

  test('nothing is missing after a position of which only the cursor is known', async () => {
    const { feed, deliver, starts } = setUp();
    const reading = collect(read(feed, 'position 4'));
    deliver(batch([], { cursor: 'c4', caughtUp: true }));
    deliver(batch(deltas(5, 6), { closed: true }));
    expect(seqs(await reading)).toEqual([5, 6]);
    expect(starts).toEqual([{ runId: 'run_1', after: 'position 4' }]);
  });

  test('continues after a subscription that the server completed too early', async () => {
    const { feed, deliver, running, starts } = setUp();
    const reading = collect(read(feed, null));
    deliver(batch(deltas(1, 2)));
    for (const operation of [...running]) {
      running.delete(operation);
      operation.end(null);
    }
    expect(starts).toEqual([
      { runId: 'run_1', after: null },
      { runId: 'run_1', after: 'c2' },
    ]);
    deliver(batch(deltas(3, 3), { closed: true }));
    expect(seqs(await reading)).toEqual([1, 2, 3]);
  });

  test('is complete when the subscription has caught up, until it begins again', async () => {
    const { feed, deliver } = setUp();
    const reading = collect(read(feed, null));
    const isLast = (seq: number) => feed.isLast({ cursor: `c${seq}`, seq });
    deliver(batch(deltas(1, 2)));
    expect(isLast(2)).toBe(false);
    deliver(batch(deltas(3, 3), { caughtUp: true }));
    expect([isLast(2), isLast(3)]).toEqual([false, true]);
    // A gap: the subscription begins again.
    deliver(batch(deltas(5, 5)));
    expect(isLast(3)).toBe(false);
    deliver(batch(deltas(4, 5), { caughtUp: true, closed: true }));
    expect(isLast(5)).toBe(true);
    await reading;
  });

  test('a gap that does not go away is an error', async () => {
    const { feed, deliver, running, starts } = setUp();
    const reading = collect(read(feed, null));
    for (let batches = 0; running.size > 0 && batches < 100; batches += 1) deliver(batch(deltas(2, 3)));
    await expect(reading).rejects.toMatchObject({
      code: 'PROTOCOL',
      message: 'The gateway does not deliver the event after seq 0 of the run run_1.',
      retryable: true,
    });
    expect(starts).toHaveLength(6);
  });

  test('a refusal ends every reader', async () => {
    const { feed, running } = setUp();
    const reads = [collect(read(feed, null)), collect(read(feed, null))];
    for (const operation of running) operation.end({ code: 'NOT_FOUND' } as never);
    for (const reading of reads) await expect(reading).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('readers of one run', () => {
  test('B81: share one subscription, which ends with the last of them', async () => {
    const { feed, deliver, running, starts } = setUp();
    const readers = Array.from({ length: 10 }, () => read(feed, null));
    const first = readers.map((reader) => reader.next());
    deliver(batch(deltas(1, 2)));
    for (const { value } of await Promise.all(first)) expect(seqs([value])).toEqual([1, 2]);
    expect(starts).toHaveLength(1);
    for (const reader of readers.slice(1)) await reader.return?.();
    expect(running.size).toBe(1);
    await readers[0]?.return?.();
    expect(running.size).toBe(0);
  });

  test('one that comes later reads what it has missed in pages, and then what arrives', async () => {
    const { feed, deliver, asked } = setUp(deltas(1, 250));
    const early = collect(read(feed, null));
    deliver(batch(deltas(1, 240)));
    const late = collect(read(feed, null));
    await settle();
    deliver(batch(deltas(241, 252), { closed: true }));
    expect(seqs(await early)).toHaveLength(252);
    expect(seqs(await late)).toEqual(deltas(1, 252).map(({ seq }) => seq));
    expect(asked).toHaveLength(3);
  });

  test('one that begins at a cursor gets what follows it', async () => {
    const { feed, deliver, asked } = setUp(deltas(1, 10));
    const part = collect(read(feed, 'c4'));
    await settle();
    expect(asked).toEqual([]);
    const whole = collect(read(feed, null));
    deliver(batch(deltas(5, 10), { closed: true }));
    expect(seqs(await part)).toEqual([5, 6, 7, 8, 9, 10]);
    expect(seqs(await whole)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test('one that begins at a cursor before anything has arrived gets nothing before it', async () => {
    const { feed, deliver } = setUp(deltas(1, 6));
    const whole = collect(read(feed, null));
    const part = collect(read(feed, 'c4'));
    deliver(batch(deltas(1, 6)));
    await settle();
    deliver(batch(deltas(7, 7), { closed: true }));
    expect(seqs(await part)).toEqual([5, 6, 7]);
    expect(seqs(await whole)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  test('one that does not read loses its queue and no event', async () => {
    const { feed, deliver, asked } = setUp(deltas(1, 10_000));
    const reader = read(feed, null);
    const first = reader.next();
    for (let from = 1; from <= 10_000; from += 1000)
      deliver(batch(deltas(from, from + 999), { closed: from === 9001 }));
    const { value } = await first;
    const rest = await collect({ [Symbol.asyncIterator]: () => reader });
    expect(seqs([value as TapeEvent[], ...rest])).toEqual(Array.from({ length: 10_000 }, (_, index) => index + 1));
    // The batches up to 5,000 events were dropped with the next one.
    expect(asked).toHaveLength(100);
  });

  test('one whose queue is not longer than 5,000 events reads no page, nor does one that reads on, or gets one large batch', async () => {
    const { feed, deliver, asked } = setUp(deltas(1, 30_000));
    const reader = read(feed, null);
    const found: number[] = [];
    const take = async (batches: number) => {
      for (let count = 0; count < batches; count += 1) found.push(...seqs([(await reader.next()).value ?? []]));
    };
    for (let from = 1; from <= 18_000; from += 3000) {
      const reading = take(3);
      for (let first = from; first < from + 3000; first += 1000) deliver(batch(deltas(first, first + 999)));
      await reading;
    }
    const reading = take(1);
    deliver(batch(deltas(18_001, 24_000)));
    await reading;
    for (let first = 24_001; first < 29_000; first += 1000) deliver(batch(deltas(first, first + 999)));
    await take(5);
    expect(found).toEqual(Array.from({ length: 29_000 }, (_, index) => index + 1));
    expect(asked).toEqual([]);
    await reader.return?.();
  });

  test('one that needs a page waits until the page has what follows, and fails if something is missing in it', async () => {
    const pages = [[], deltas(1, 2), deltas(4, 5)];
    const asked: unknown[] = [];
    const requests = {
      async read(_document: unknown, variables: unknown) {
        asked.push(variables);
        return { run: { tape: { nodes: pages.shift() } } };
      },
    } as unknown as Requests;
    const { feed, deliver } = setUp([], { requests, asked });
    const early = read(feed, null);
    const first = early.next();
    deliver(batch(deltas(1, 5)));
    await first;
    const late = read(feed, null);
    expect(seqs([(await late.next()).value ?? []])).toEqual([1, 2]);
    expect(asked).toEqual([
      { runId: 'run_1', after: null },
      { runId: 'run_1', after: null },
    ]);
    await expect(late.next()).rejects.toMatchObject({
      message: 'The gateway does not deliver the event after seq 2 of the run run_1.',
    });
    await early.return?.();
  });

  test('one that needs a page which never has what follows fails', async () => {
    const { feed, deliver, asked } = setUp([]);
    const early = read(feed, null);
    const first = early.next();
    deliver(batch(deltas(1, 5)));
    await first;
    await expect(read(feed, null).next()).rejects.toMatchObject({ code: 'PROTOCOL' });
    expect(asked).toHaveLength(6);
    await early.return?.();
  });

  test('one that begins at a cursor ahead of the subscription reads no pages while it waits', async () => {
    const { feed, deliver, asked } = setUp(deltas(1, 5));
    const early = read(feed, null);
    const first = early.next();
    deliver(batch(deltas(1, 2)));
    await first;
    const ahead = read(feed, 'c5');
    const next = ahead.next();
    await settle();
    expect(asked).toHaveLength(1);
    deliver(batch(deltas(3, 4)));
    deliver(batch(deltas(5, 5)));
    await settle();
    expect(asked.length).toBeLessThanOrEqual(2);
    deliver(batch(deltas(6, 7)));
    expect(seqs([(await next).value ?? []])).toEqual([6, 7]);
    await early.return?.();
    await ahead.return?.();
  });

  test('one that begins at a cursor ahead of a subscription that fails, fails too', async () => {
    const { feed, deliver, running } = setUp(deltas(1, 5));
    const early = collect(read(feed, null));
    deliver(batch(deltas(1, 2)));
    const ahead = collect(read(feed, 'c5'));
    await settle();
    for (const { end } of running) end(new RuntapeError('FORBIDDEN', 'No.'));
    await expect(ahead).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(early).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  test('one that needs a page of a run that was deleted fails', async () => {
    const requests = { read: async () => ({ run: null }) } as unknown as Requests;
    const { feed, deliver } = setUp([], { requests, asked: [] });
    const early = read(feed, null);
    const first = early.next();
    deliver(batch(deltas(1, 5)));
    await first;
    await expect(collect(read(feed, null))).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'There is no run run_1.',
    });
    await early.return?.();
  });

  test('an aborted one throws the reason of its signal and leaves', async () => {
    const { feed, running } = setUp();
    const leaving = new AbortController();
    const reading = collect(read(feed, null, leaving.signal));
    leaving.abort(new Error('gone'));
    await expect(reading).rejects.toThrow('gone');
    expect(running.size).toBe(0);
  });
});
