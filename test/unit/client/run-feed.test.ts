import { describe, expect, test } from 'vitest';
import { itemsOf } from '../../../client/src/iterate.ts';
import { createRunFeed, type RunFeed } from '../../../client/src/run/run-feed.ts';
import type { TapeEvent } from '../../../client/src/run/tape-event.ts';
import { batch, collect, deltas, fakeConnection, fakeRequests } from './fakes.ts';

function setUp(tape: readonly TapeEvent[] = []) {
  const network = fakeConnection();
  const { requests, asked } = fakeRequests(tape);
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
    const { feed, deliver, running } = setUp();
    const reading = collect(read(feed, null));
    while (running.size > 0) deliver(batch(deltas(2, 3)));
    await expect(reading).rejects.toMatchObject({ code: 'PROTOCOL' });
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
    const { feed, deliver } = setUp(deltas(1, 10));
    const part = collect(read(feed, 'c4'));
    const whole = collect(read(feed, null));
    deliver(batch(deltas(5, 10), { closed: true }));
    expect(seqs(await part)).toEqual([5, 6, 7, 8, 9, 10]);
    expect(seqs(await whole)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test('one that does not read loses its queue and no event', async () => {
    const { feed, deliver } = setUp(deltas(1, 100_000));
    const reader = read(feed, null);
    const first = reader.next();
    for (let from = 1; from <= 100_000; from += 1000)
      deliver(batch(deltas(from, from + 999), { closed: from === 99_001 }));
    const { value } = await first;
    const rest = await collect({ [Symbol.asyncIterator]: () => reader });
    expect(seqs([value as TapeEvent[], ...rest])).toEqual(Array.from({ length: 100_000 }, (_, index) => index + 1));
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
