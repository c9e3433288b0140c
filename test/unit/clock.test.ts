import { describe, expect, test } from 'vitest';
import { createTurns } from '../../src/clock.ts';

/** Runs steps that all wait for a turn. Returns the number of the turn in which each of them ran. */
async function turnsOf(stepMilliseconds: readonly number[]): Promise<number[]> {
  let now = 0;
  let turn = 0;
  const count = () => {
    turn += 1;
    counting = setImmediate(count);
  };
  let counting = setImmediate(count);
  const nextTurn = createTurns(() => now);
  const steps = stepMilliseconds.map(async (milliseconds) => {
    await nextTurn();
    now += milliseconds;
    return turn;
  });
  const turns = await Promise.all(steps);
  clearImmediate(counting);
  return turns;
}

describe('B60: work that waits for a turn of the event loop', () => {
  test('short steps share a turn', async () => {
    expect(await turnsOf([1, 1, 1])).toEqual([1, 1, 1]);
  });

  test('long steps run in different turns, in their order', async () => {
    expect(await turnsOf([6, 6, 6])).toEqual([1, 2, 3]);
  });

  test('steps share a turn until its time is used', async () => {
    expect(await turnsOf([3, 3, 3, 3, 1])).toEqual([1, 1, 2, 2, 3]);
  });

  test('a step that waits again lets those before it run first', async () => {
    let now = 0;
    const nextTurn = createTurns(() => now);
    const ran: string[] = [];
    const work = async (name: string) => {
      for (let step = 0; step < 2; step += 1) {
        await nextTurn();
        ran.push(name);
        now += 6;
      }
    };
    await Promise.all([work('a'), work('b'), work('c')]);
    expect(ran).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
  });
});
