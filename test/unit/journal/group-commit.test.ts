import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { createGroupCommit, type QueuedRequest } from '../../../src/journal/group-commit.ts';

type Batch = QueuedRequest<number, string>[];

/** A group commit whose commits a test finishes one by one. Their reports wait for `reportable`. */
function open({ batchWork = Infinity, reportable = async () => {} } = {}) {
  const started: number[][] = [];
  const unfinished: ((error?: Error) => void)[] = [];
  const group = createGroupCommit<number, string>({
    batchWork,
    workOf: (request) => request,
    async commit(batch: Batch) {
      started.push(batch.map(({ request }) => request));
      await new Promise<void>((resolve, reject) => {
        unfinished.push((error) => (error ? reject(error) : resolve()));
      });
      return async () => {
        await reportable();
        for (const { request, resolve } of batch) resolve(`done ${request}`);
      };
    },
  });
  /** Finishes the commit in flight, and lets the next one start. */
  async function finish(error?: Error) {
    unfinished.shift()?.(error);
    await setImmediate();
    await setImmediate();
  }
  return { group, started, finish };
}

describe('one commit takes', () => {
  test('requests until their work is enough, and one with more work alone', async () => {
    const { group, started, finish } = open({ batchWork: 5 });
    const outcomes = [3, 2, 1, 9, 4].map((request) => group.submit(request));
    await setImmediate();
    for (let commit = 0; commit < 4; commit += 1) await finish();
    expect(started).toEqual([[3, 2], [1], [9], [4]]);
    expect(await Promise.all(outcomes)).toHaveLength(5);
  });

  test('all requests of one turn of the event loop', async () => {
    const { group, started, finish } = open();
    const outcomes = [group.submit(1), group.submit(2)];
    await Promise.resolve();
    outcomes.push(group.submit(3));
    expect(started).toEqual([]);
    await setImmediate();
    expect(started).toEqual([[1, 2, 3]]);
    await finish();
    expect(await Promise.all(outcomes)).toEqual(['done 1', 'done 2', 'done 3']);
  });

  test('all requests that arrived during the commit before it, in order', async () => {
    const { group, started, finish } = open();
    const outcomes = [group.submit(1)];
    await setImmediate();
    for (const request of [2, 3, 4]) {
      outcomes.push(group.submit(request));
      await setImmediate();
    }
    expect(started).toEqual([[1]]);
    await finish();
    expect(started).toEqual([[1], [2, 3, 4]]);
    await finish();
    await Promise.all(outcomes);
    outcomes.push(group.submit(5));
    await setImmediate();
    expect(started).toEqual([[1], [2, 3, 4], [5]]);
    await finish();
    expect(await outcomes.at(-1)).toBe('done 5');
  });
});

test('a commit that rejects fails its own batch, and the next commit succeeds', async () => {
  const { group, finish } = open();
  const failing = Promise.allSettled([group.submit(1), group.submit(2)]);
  await setImmediate();
  const next = group.submit(3);
  const error = new Error('disk full');
  await finish(error);
  expect(await failing).toMatchObject([{ reason: error }, { reason: error }]);
  await finish();
  expect(await next).toBe('done 3');
});

test('a commit does not wait for the report of the one before, and reports run in the order of the commits', async () => {
  const reports: (() => void)[] = [];
  const { group, started, finish } = open({
    reportable: () => new Promise((resolve) => void reports.push(resolve)),
  });
  const settled: string[] = [];
  const submit = (request: number) => group.submit(request).then((outcome) => settled.push(outcome));
  const outcomes = [submit(1)];
  await setImmediate();
  outcomes.push(submit(2));
  await finish();
  expect(started).toEqual([[1], [2]]);
  expect(settled).toEqual([]);
  await finish();
  const idle = group.idle();
  // The second report has not begun.
  expect(reports).toHaveLength(1);
  reports[0]?.();
  await setImmediate();
  expect(settled).toEqual(['done 1']);
  reports[1]?.();
  await Promise.all([...outcomes, idle]);
  expect(settled).toEqual(['done 1', 'done 2']);
});

test('a commit waits for the report of the one before until half as many requests wait', async () => {
  const reports: (() => void)[] = [];
  const { group, started, finish } = open({
    reportable: () => new Promise((resolve) => void reports.push(resolve)),
  });
  const outcomes = [1, 2, 3, 4].map((request) => group.submit(request));
  await setImmediate();
  outcomes.push(group.submit(5));
  await finish();
  expect(started).toEqual([[1, 2, 3, 4]]);
  outcomes.push(group.submit(6));
  await setImmediate();
  await setImmediate();
  expect(started).toEqual([
    [1, 2, 3, 4],
    [5, 6],
  ]);
  await finish();
  for (const report of reports.splice(0)) report();
  await setImmediate();
  for (const report of reports.splice(0)) report();
  expect(await Promise.all(outcomes)).toHaveLength(6);
});

test('a commit waits for the report of the last commit, not of an earlier one', async () => {
  const reports: (() => void)[] = [];
  const { group, started, finish } = open({
    reportable: () => new Promise((resolve) => void reports.push(resolve)),
  });
  const outcomes = [group.submit(1)];
  await setImmediate();
  await finish();
  outcomes.push(...[2, 3, 4, 5].map((request) => group.submit(request)));
  await setImmediate();
  await setImmediate();
  expect(started).toEqual([[1], [2, 3, 4, 5]]);
  await finish();
  reports.shift()?.();
  outcomes.push(group.submit(6));
  await setImmediate();
  await setImmediate();
  expect(started).toHaveLength(2);
  // One request is less than half, but nobody is left to be told.
  reports.shift()?.();
  await setImmediate();
  await setImmediate();
  expect(started.at(-1)).toEqual([6]);
  await finish();
  reports.shift()?.();
  expect(await Promise.all(outcomes)).toHaveLength(6);
});

test('a report that fails rejects what it has not settled, and later reports run', async () => {
  const failures = [new Error('a bug')];
  const { group, finish } = open({
    reportable: async () => {
      const failure = failures.shift();
      if (failure) throw failure;
    },
  });
  const failing = expect(group.submit(1)).rejects.toThrow('a bug');
  await setImmediate();
  await finish();
  await failing;
  const next = group.submit(2);
  await setImmediate();
  await finish();
  expect(await next).toBe('done 2');
});

test('the number of queued requests leaves out those in flight', async () => {
  const { group, finish } = open();
  const inFlight = group.submit(1);
  expect(group.queuedRequests()).toBe(1);
  await setImmediate();
  const queued = [group.submit(2), group.submit(3)];
  expect(group.queuedRequests()).toBe(2);
  await finish();
  expect(group.queuedRequests()).toBe(0);
  await finish();
  expect(await Promise.all([inFlight, ...queued])).toEqual(['done 1', 'done 2', 'done 3']);
});

test('idle waits for all requests, also for those that arrive meanwhile', async () => {
  const { group, finish } = open();
  await group.idle();
  const outcomes = [group.submit(1)];
  let idle = false;
  const becameIdle = group.idle().then(() => {
    idle = true;
  });
  await setImmediate();
  outcomes.push(group.submit(2));
  await finish();
  expect(idle).toBe(false);
  await finish();
  await becameIdle;
  expect(await Promise.all(outcomes)).toEqual(['done 1', 'done 2']);
});

test('idle waits for a request that a report causes', async () => {
  const { group, finish } = open();
  const both = group.submit(1).then(() => group.submit(2));
  let idle = false;
  const becameIdle = group.idle().then(() => {
    idle = true;
  });
  await setImmediate();
  await finish();
  expect(idle).toBe(false);
  await finish();
  await becameIdle;
  expect(await both).toBe('done 2');
});
