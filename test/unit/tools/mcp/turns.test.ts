import { expect, test } from 'vitest';
import { createTurns } from '../../../../src/tools/mcp/turns.ts';

const never = new AbortController().signal;

test('turns are taken one at a time, in order; one that is given up is left out', async () => {
  const turns = createTurns();
  const taken: string[] = [];
  const take = (name: string, signal = never) => turns.take(signal).then(() => taken.push(name));
  await take('first');
  const givingUp = new AbortController();
  const waiting = [take('second'), take('third', givingUp.signal), take('fourth')];
  givingUp.abort(new Error('gone'));
  await expect(waiting[1]).rejects.toThrow('gone');
  await expect(turns.take(givingUp.signal)).rejects.toThrow('gone');
  expect(taken).toEqual(['first']);
  turns.end();
  await waiting[0];
  turns.end();
  await waiting[2];
  turns.end();
  await take('fifth');
  expect(taken).toEqual(['first', 'second', 'fourth', 'fifth']);
});
