import { expect, test } from 'vitest';
import { type BatchSource, itemsOf } from '../../../client/src/iterate.ts';

function setUp(signal?: AbortSignal) {
  const batches: (number[] | null)[] = [];
  const calls: string[] = [];
  let wake = () => {};
  const source: BatchSource<number[]> = {
    begin(wakeReader) {
      calls.push('begin');
      wake = wakeReader;
    },
    take: async () => batches.shift(),
    end: () => void calls.push('end'),
  };
  const deliver = (batch: number[] | null) => {
    batches.push(batch);
    wake();
  };
  return { calls, deliver, items: itemsOf(source, (batch) => batch, signal) };
}

test('items arrive one at a time, also from several batches and after an empty one', async () => {
  const { items, deliver, calls } = setUp();
  expect(calls).toEqual([]);
  const first = items.next();
  deliver([0, 1]);
  expect(await first).toEqual({ done: false, value: 0 });
  deliver([]);
  deliver([2]);
  deliver(null);
  const rest: number[] = [];
  for await (const item of items) rest.push(item);
  expect(rest).toEqual([1, 2]);
  expect(calls).toEqual(['begin', 'end']);
});

test('an item that arrives after waiting follows the ones before, also for calls that came early', async () => {
  const { items, deliver } = setUp();
  const early = [items.next(), items.next(), items.next(), items.next()];
  deliver([0, 1]);
  await Promise.all(early.slice(0, 2));
  deliver([2, 3]);
  expect((await Promise.all(early)).map(({ value }) => value)).toEqual([0, 1, 2, 3]);
});

test('leaving ends the source at once, also while the next item is awaited', async () => {
  const { items, calls, deliver } = setUp();
  const waiting = items.next();
  await items.return?.();
  expect(await waiting).toEqual({ done: true, value: undefined });
  expect(calls).toEqual(['begin', 'end']);
  deliver([1]);
  expect(await items.next()).toEqual({ done: true, value: undefined });
});

test('leaving before the first item begins nothing', async () => {
  const { items, calls } = setUp();
  await items.return?.();
  expect(await items.next()).toEqual({ done: true, value: undefined });
  expect(calls).toEqual([]);
});

test('a signal rejects what waits with its reason', async () => {
  const leaving = new AbortController();
  const { items, calls } = setUp(leaving.signal);
  const waiting = items.next();
  leaving.abort('enough');
  await expect(waiting).rejects.toBe('enough');
  expect(calls).toEqual(['begin', 'end']);
});
