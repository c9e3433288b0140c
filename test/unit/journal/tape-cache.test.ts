import { expect, test } from 'vitest';
import { createTapeCache } from '../../../src/journal/tape-cache.ts';

type Written = Parameters<ReturnType<typeof createTapeCache>['add']>[1];

/** Events with these seqs, each with a payload of this many characters. */
function written(first: number, last: number, characters = 10): Written {
  const seqs = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  const events = seqs.map((seq) => ({ seq, payload: 'x'.repeat(characters) }));
  return { stored: events, recorded: events } as unknown as Written;
}

const ofRun = (runId: string) => ({ runId, sessionId: 'ses_1' });

test('a tape is cached whole, from its first event on', () => {
  const tapes = createTapeCache(1_000_000);
  tapes.add(ofRun('a'), written(1, 2));
  tapes.add(ofRun('a'), written(3, 3));
  expect(tapes.find('a')?.events.map(({ seq }) => seq)).toEqual([1, 2, 3]);
  tapes.add(ofRun('begun elsewhere'), written(4, 5));
  expect(tapes.find('begun elsewhere')).toBeNull();
});

test('a tape with a gap and a forgotten tape are not cached', () => {
  const tapes = createTapeCache(1_000_000);
  tapes.add(ofRun('a'), written(1, 2));
  tapes.add(ofRun('a'), written(4, 4));
  tapes.add(ofRun('b'), written(1, 2));
  tapes.forget('b');
  expect([tapes.find('a'), tapes.find('b')]).toEqual([null, null]);
});

test('the cache drops the least recently used tapes at its capacity, and any tape larger than a quarter of it', () => {
  const tapes = createTapeCache(10_000);
  const all = ['a', 'b', 'c', 'd', 'e', 'f'];
  const cached = () => all.filter((runId) => tapes.find(runId));
  for (const runId of all) tapes.add(ofRun(runId), written(1, 1, 500));
  expect(cached()).toEqual(all);
  tapes.add(ofRun('a'), written(2, 2));
  expect(cached()).toEqual(['a', 'c', 'd', 'e', 'f']);
  tapes.add(ofRun('e'), written(2, 2, 900));
  expect(tapes.find('e')).toBeNull();
});

test('a tape is hidden while a commit writes to it', () => {
  const tapes = createTapeCache(1_000_000);
  tapes.add(ofRun('a'), written(1, 2));
  tapes.add(ofRun('b'), written(1, 1));
  tapes.hide(['a']);
  expect([tapes.find('a'), tapes.find('b')?.events.length]).toEqual([null, 1]);
  tapes.show(['a']);
  tapes.add(ofRun('a'), written(3, 3));
  expect(tapes.find('a')?.events.map(({ seq }) => seq)).toEqual([1, 2, 3]);
});
