import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { eachOf } from '../../../src/graphql/execution/event-source.ts';
import { createFollowing } from '../../../src/streams/following.ts';

interface Item {
  n: number;
}

/** A source whose batches come by `next` or are ready, as a test wants it. */
function createBatches() {
  const ready: number[][] = [];
  let answer = (_batch: number[] | null) => {};
  const source = createFollowing<number[]>({
    pull: () =>
      new Promise((resolve) => {
        answer = (batch) => resolve(batch ? { done: false, value: batch } : { done: true, value: undefined });
      }),
    ready: () => ready.shift(),
    async leave() {
      answer(null);
    },
  });
  const items = eachOf<number[], Item>(source, (batch) => batch.map((n) => ({ n })));
  return { ready, items, answer: (batch: number[] | null) => answer(batch) };
}

async function rest(items: AsyncIterable<Item>): Promise<number[]> {
  const found: number[] = [];
  for await (const { n } of items) found.push(n);
  return found;
}

test('items of a batch that was ready come before those that were waited for, and none is lost', async () => {
  const { ready, items, answer } = createBatches();
  const waiting = items.next();
  await setImmediate();
  ready.push([1, 2, 3]);
  expect(items.ready()).toEqual({ n: 1 });
  answer([4, 5]);
  expect(await waiting).toEqual({ done: false, value: { n: 2 } });
  expect([items.ready(), items.ready(), items.ready(), items.ready()]).toEqual([
    { n: 3 },
    { n: 4 },
    { n: 5 },
    undefined,
  ]);
});

test('what is left of a batch still comes where the source has ended meanwhile', async () => {
  const { ready, items, answer } = createBatches();
  const waiting = items.next();
  await setImmediate();
  ready.push([], [1, 2, 3]);
  expect(items.ready()).toEqual({ n: 1 });
  answer(null);
  expect(await waiting).toEqual({ done: false, value: { n: 2 } });
  expect(items.ready()).toEqual({ n: 3 });
  const end = rest(items);
  await setImmediate();
  answer(null);
  expect(await end).toEqual([]);
});

test('nothing is ready for who has left', async () => {
  const { ready, items } = createBatches();
  ready.push([1, 2]);
  expect(items.ready()).toEqual({ n: 1 });
  await items.return?.();
  expect(items.ready()).toBeUndefined();
  expect(await items.next()).toEqual({ done: true, value: undefined });
});
