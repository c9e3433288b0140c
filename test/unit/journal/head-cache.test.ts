import { expect, test } from 'vitest';
import type { CachedHead } from '../../../src/journal/appending/append-plan.ts';
import { createHeadCache } from '../../../src/journal/appending/head-cache.ts';
import { request } from '../../contract/appends.ts';

const end = (head: number): CachedHead => ({ head, hash: `${head}`, closed: false });

/** A cache before a store that another server writes to as well. */
function open(stored: Record<string, CachedHead>, capacity = 10) {
  const reads: string[][] = [];
  const ends = createHeadCache({
    capacity,
    async read(runIds) {
      reads.push(runIds);
      return new Map(Object.entries(stored).filter(([runId]) => runIds.includes(runId)));
    },
  });
  const load = (...heads: [string, number][]) => ends.load(heads.map(([runId, head]) => request(runId, head, [])));
  return { ends, reads, load };
}

test('what was written lately is known, the rest is read at once, each tape one time', async () => {
  const { ends, reads, load } = open({ a: end(1), b: end(2), c: end(3) });
  ends.remember('a', end(7));
  const found = await load(['a', 7], ['b', 2], ['c', 1], ['b', 1], ['new', 0]);
  expect(Object.fromEntries(found)).toEqual({ a: end(7), b: end(2), c: end(3) });
  expect(reads).toEqual([['b', 'c']]);
});

test('what is behind a request was written by another server, and is read again', async () => {
  const { ends, reads, load } = open({ a: end(9) });
  ends.remember('a', end(5));
  expect((await load(['a', 4])).get('a')).toEqual(end(5));
  expect((await load(['a', 4], ['a', 9])).get('a')).toEqual(end(9));
  expect(reads).toEqual([['a']]);
});

test('what was forgotten is read, and of too many the one not written for the longest time is dropped', async () => {
  const { ends, reads, load } = open({}, 2);
  for (const runId of ['a', 'b', 'a', 'c']) ends.remember(runId, end(1));
  ends.forget('c');
  await load(['a', 1], ['b', 1], ['c', 1]);
  expect(reads).toEqual([['b', 'c']]);
});
