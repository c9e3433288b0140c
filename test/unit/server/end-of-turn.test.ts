import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { createEndOfTurn } from '../../../src/server/transport/end-of-turn.ts';

test('callbacks run together at the end of the turn, in order; what they add runs at the end of the next one', async () => {
  const atEndOfTurn = createEndOfTurn(systemClock);
  const calls: string[] = [];
  atEndOfTurn(() => {
    calls.push('first');
    atEndOfTurn(() => calls.push('next turn'));
  });
  await Promise.resolve();
  atEndOfTurn(() => calls.push('second'));
  expect(calls).toEqual([]);
  await setImmediate();
  expect(calls).toEqual(['first', 'second']);
  await setImmediate();
  expect(calls).toEqual(['first', 'second', 'next turn']);
});

test('callbacks that take long run in several turns, in order, and later ones after them', async () => {
  let time = 0;
  const atEndOfTurn = createEndOfTurn({ elapsed: () => time });
  const calls: number[] = [];
  for (let number = 0; number < 40; number += 1) {
    atEndOfTurn(() => {
      calls.push(number);
      time += 1;
    });
  }
  atEndOfTurn(() => atEndOfTurn(() => calls.push(-1)));
  await setImmediate();
  expect(calls).toHaveLength(16);
  await setImmediate();
  expect(calls).toHaveLength(32);
  await setImmediate();
  expect(calls).toEqual(Array.from({ length: 40 }, (_, number) => number));
  await setImmediate();
  expect(calls.at(-1)).toBe(-1);
});
