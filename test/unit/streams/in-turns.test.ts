import { expect, test } from 'vitest';
import { nextTurn } from '../../../src/clock.ts';
import { createLiveStream, inTurns, type Source } from '../../../src/streams/live-stream.ts';
import { createFakeClock } from '../fake-clock.ts';

test('a stream in turns lets other work run between the pages of its source', async () => {
  let [fetched, left] = [0, 0];
  const source: Source<object> = {
    open: () => () => {},
    take() {
      if (left === 0) return fetched === 5 ? 'end' : 'fetch';
      left -= 1;
      return {};
    },
    async fetch() {
      fetched += 1;
      left = 10;
    },
    recheck() {},
  };
  const options = { clock: createFakeClock(), pollMilliseconds: 1000, signal: new AbortController().signal };
  const pages: number[] = [];
  const reading = (async () => {
    for await (const _value of createLiveStream(inTurns(source), options)) pages.push(fetched);
  })();
  await nextTurn();
  expect(fetched).toBeLessThan(5);
  await reading;
  expect(pages).toHaveLength(50);
});

test('a stream in turns polls its source', async () => {
  let [rechecks, isKnown] = [0, true];
  const source: Source<object> = {
    open: () => () => {},
    take() {
      if (isKnown) return 'pending';
      isKnown = true;
      return {};
    },
    fetch: async () => {},
    recheck() {
      rechecks += 1;
      isKnown = false;
    },
  };
  const clock = createFakeClock();
  const options = { clock, pollMilliseconds: 1000, signal: new AbortController().signal };
  const reader = createLiveStream(inTurns(source), options)[Symbol.asyncIterator]();
  const waiting = reader.next();
  await clock.advance(1000);
  expect([await waiting, rechecks]).toEqual([{ done: false, value: {} }, 1]);
  await reader.return?.();
});
