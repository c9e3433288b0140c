import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createKeyedMutex } from '../../../src/database/mutex.ts';

/** Work that a test finishes. `log` records when it starts. */
function controlled(log: string[], name: string) {
  let finish: (error?: Error) => void = () => undefined;
  const finished = new Promise<string>((resolve, reject) => {
    finish = (error) => (error ? reject(error) : resolve(name));
  });
  const work = () => {
    log.push(name);
    return finished;
  };
  return { work, finish };
}

test('work of one key runs one at a time in the order of the calls, and other keys neither wait nor are busy', async () => {
  const mutex = createKeyedMutex();
  const log: string[] = [];
  const [first, second, other] = [controlled(log, 'first'), controlled(log, 'second'), controlled(log, 'other')];
  const results = [mutex.run('a', first.work), mutex.run('a', second.work), mutex.run('b', other.work)];
  await setImmediate();
  expect(log).toEqual(['first', 'other']);
  expect(['a', 'b', 'c'].map(mutex.isBusy)).toEqual([true, true, false]);
  first.finish();
  await setImmediate();
  expect(log).toEqual(['first', 'other', 'second']);
  second.finish();
  other.finish();
  expect(await Promise.all(results)).toEqual(['first', 'second', 'other']);
  expect(['a', 'b'].map(mutex.isBusy)).toEqual([false, false]);
});

test('work that rejects, or throws, rejects its own call, and the next work runs', async () => {
  const mutex = createKeyedMutex();
  const error = new Error('failed');
  const outcomes = await Promise.allSettled([
    mutex.run('a', () => Promise.reject(error)),
    mutex.run('a', () => {
      throw error;
    }),
    mutex.run('a', async () => 'done'),
  ]);
  expect(outcomes).toMatchObject([{ reason: error }, { reason: error }, { value: 'done' }]);
});

test('idle waits for all keys, also for work that is added meanwhile', async () => {
  const mutex = createKeyedMutex();
  await mutex.idle();
  const log: string[] = [];
  const first = controlled(log, 'first');
  const second = controlled(log, 'second');
  let isIdle = false;
  const results = [mutex.run('a', first.work)];
  const idle = mutex.idle().then(() => {
    isIdle = true;
  });
  results.push(mutex.run('b', second.work));
  first.finish();
  await setImmediate();
  expect(isIdle).toBe(false);
  second.finish();
  await idle;
  expect(await Promise.all(results)).toEqual(['first', 'second']);
});
