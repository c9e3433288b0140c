import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { createGroupCommit, type Waiting } from '../../../src/journal/appending/group-commit.ts';

type Batch = Waiting<number, string>[];

/** A group whose commits a test ends one by one. */
function open({ batchSize = 100 } = {}) {
  const begun: number[][] = [];
  const ends: ((error?: Error) => void)[] = [];
  const group = createGroupCommit<number, string>({
    batchSize,
    async commit(batch: Batch) {
      begun.push(batch.map(({ request }) => request));
      await new Promise<void>((resolve, reject) => {
        ends.push((error) => (error ? reject(error) : resolve()));
      });
      for (const { request, resolve } of batch) resolve(`done ${request}`);
    },
  });
  /** Ends the commit in flight, and lets what follows from it begin. */
  async function end(error?: Error) {
    ends.shift()?.(error);
    await setImmediate();
    await setImmediate();
  }
  return { group, begun, end };
}

describe('what goes into one commit', () => {
  test('everything that is begun in one turn of the event loop', async () => {
    const { group, begun, end } = open();
    const first = [group.submit(1), group.submit(2)];
    await Promise.resolve();
    first.push(group.submit(3));
    expect(begun).toEqual([]);
    await setImmediate();
    expect(begun).toEqual([[1, 2, 3]]);
    await end();
    expect(await Promise.all(first)).toEqual(['done 1', 'done 2', 'done 3']);
  });

  test('everything that comes while the one before is in flight, in the order in which it came', async () => {
    const { group, begun, end } = open();
    const outcomes = [group.submit(1)];
    await setImmediate();
    for (const request of [2, 3, 4]) {
      outcomes.push(group.submit(request));
      await setImmediate();
    }
    expect(begun).toEqual([[1]]);
    await end();
    expect(begun).toEqual([[1], [2, 3, 4]]);
    await end();
    await Promise.all(outcomes);
    outcomes.push(group.submit(5));
    await setImmediate();
    expect(begun).toEqual([[1], [2, 3, 4], [5]]);
    await end();
    expect(await outcomes.at(-1)).toBe('done 5');
  });

  test('no more than a batch holds', async () => {
    const { group, begun, end } = open({ batchSize: 2 });
    const outcomes = [1, 2, 3, 4, 5].map(group.submit);
    await setImmediate();
    for (const _ of [1, 2, 3]) await end();
    expect(begun).toEqual([[1, 2], [3, 4], [5]]);
    expect(await Promise.all(outcomes)).toHaveLength(5);
  });
});

test('a commit that throws fails its own batch, and the next one goes on', async () => {
  const { group, end } = open();
  const failing = Promise.allSettled([group.submit(1), group.submit(2)]);
  await setImmediate();
  const next = group.submit(3);
  const fault = new Error('no room');
  await end(fault);
  expect(await failing).toMatchObject([{ reason: fault }, { reason: fault }]);
  await end();
  expect(await next).toBe('done 3');
});

test('it says how many wait; what is in flight does not count', async () => {
  const { group, end } = open();
  const inFlight = group.submit(1);
  expect(group.waiting()).toBe(1);
  await setImmediate();
  const waiting = [group.submit(2), group.submit(3)];
  expect(group.waiting()).toBe(2);
  await end();
  expect(group.waiting()).toBe(0);
  await end();
  expect(await Promise.all([inFlight, ...waiting])).toEqual(['done 1', 'done 2', 'done 3']);
});

test('it is idle when everything that was begun is settled, also what came meanwhile', async () => {
  const { group, end } = open();
  await group.idle();
  const outcomes = [group.submit(1)];
  let idle = false;
  const becameIdle = group.idle().then(() => {
    idle = true;
  });
  await setImmediate();
  outcomes.push(group.submit(2));
  await end();
  expect(idle).toBe(false);
  await end();
  await becameIdle;
  expect(await Promise.all(outcomes)).toEqual(['done 1', 'done 2']);
});
