import { expect, test } from 'vitest';
import { createTapeCache } from '../../../src/journal/tape-cache.ts';

type Written = Parameters<ReturnType<typeof createTapeCache>['add']>[1];

/** Events from one seq to another, each with a payload of so many characters. */
function written(from: number, to: number, characters = 10): Written {
  const seqs = Array.from({ length: to - from + 1 }, (_, index) => from + index);
  const made = seqs.map((seq) => ({ seq, payload: 'x'.repeat(characters) }));
  return { stored: made, recorded: made } as unknown as Written;
}

const of = (runId: string) => ({ runId, sessionId: 'ses_1' });

test('a tape is known from its first event on, whole', () => {
  const tapes = createTapeCache(1_000_000);
  tapes.add(of('a'), written(1, 2));
  tapes.add(of('a'), written(3, 3));
  expect(tapes.find('a')?.events.map(({ seq }) => seq)).toEqual([1, 2, 3]);
  tapes.add(of('begun elsewhere'), written(4, 5));
  expect(tapes.find('begun elsewhere')).toBeNull();
});

test('one with a hole is not known, nor one that was forgotten', () => {
  const tapes = createTapeCache(1_000_000);
  tapes.add(of('a'), written(1, 2));
  tapes.add(of('a'), written(4, 4));
  tapes.add(of('b'), written(1, 2));
  tapes.forget('b');
  expect([tapes.find('a'), tapes.find('b')]).toEqual([null, null]);
});

test('all of them have a bound, and each of them one: those not written for the longest time go first', () => {
  const tapes = createTapeCache(10_000);
  const all = ['a', 'b', 'c', 'd', 'e', 'f'];
  for (const runId of all) tapes.add(of(runId), written(1, 1, 500));
  expect(all.filter((runId) => tapes.find(runId))).toEqual(all);
  tapes.add(of('a'), written(2, 2));
  expect(all.filter((runId) => tapes.find(runId))).toEqual(['a', 'c', 'd', 'e', 'f']);
  tapes.add(of('e'), written(2, 2, 900));
  expect(tapes.find('e')).toBeNull();
});

test('where others write too, nothing is kept', () => {
  const tapes = createTapeCache(0);
  tapes.add(of('a'), written(1, 2));
  expect(tapes.find('a')).toBeNull();
});
