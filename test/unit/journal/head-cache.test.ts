import { expect, test } from 'vitest';
import { createHeadCache } from '../../../src/journal/head-cache.ts';
import type { CachedHead } from '../../../src/journal/plan-appends.ts';
import { request } from '../../contract/appends.ts';

const head = (seq: number): CachedHead => ({ seq, hash: `${seq}`, closed: false, payloadBytes: 0 });

/** A cache of a store that another server writes to as well. */
function open(stored: Record<string, CachedHead>, capacity = 10) {
  const reads: string[][] = [];
  const cache = createHeadCache({
    capacity,
    async read(runIds) {
      reads.push(runIds);
      return new Map(Object.entries(stored).filter(([runId]) => runIds.includes(runId)));
    },
  });
  const load = (...expected: [string, number][]) =>
    cache.load(expected.map(([runId, expectedHead]) => request(runId, expectedHead, [])));
  return { cache, reads, load };
}

test('cached heads are returned, and the others are read in one query, each tape once', async () => {
  const { cache, reads, load } = open({ a: head(1), b: head(2), c: head(3) });
  cache.set('a', head(7));
  const heads = await load(['a', 7], ['b', 2], ['c', 1], ['b', 1], ['new', 0]);
  expect(Object.fromEntries(heads)).toEqual({ a: head(7), b: head(2), c: head(3) });
  expect(reads).toEqual([['b', 'c']]);
});

test('a cached head is read again if a request expects a newer one, which another server wrote', async () => {
  const { cache, reads, load } = open({ a: head(9) });
  cache.set('a', head(5));
  expect((await load(['a', 4])).get('a')).toEqual(head(5));
  expect((await load(['a', 4], ['a', 9])).get('a')).toEqual(head(9));
  expect(reads).toEqual([['a']]);
});

test('a deleted head is read again, and at the capacity the least recently used head is dropped', async () => {
  const { cache, reads, load } = open({}, 2);
  for (const runId of ['a', 'b', 'a', 'c']) cache.set(runId, head(1));
  cache.delete('c');
  await load(['a', 1], ['b', 1], ['c', 1]);
  expect(reads).toEqual([['b', 'c']]);
});
