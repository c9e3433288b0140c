import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createEndOfTurn } from '../../../src/server/transport/end-of-turn.ts';

test('callbacks run together at the end of the turn, in order; what they add runs at the end of the next one', async () => {
  const atEndOfTurn = createEndOfTurn();
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
