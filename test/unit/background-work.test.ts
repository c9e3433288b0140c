import { expect, onTestFinished, test } from 'vitest';
import { type BackgroundWorkOptions, startBackgroundWork } from '../../src/background-work.ts';
import { createFakeClock } from './fake-clock.ts';

/** Work with as many portions as a test adds. */
function startWork(options: Partial<BackgroundWorkOptions> = {}, failure: Error | null = null) {
  const clock = createFakeClock();
  const seen = { calls: 0, failures: 0 };
  let portions = 0;
  const work = startBackgroundWork({
    clock,
    async work() {
      seen.calls += 1;
      if (failure) throw failure;
      portions = Math.max(0, portions - 1);
      return portions > 0;
    },
    pollSeconds: 60,
    retrySeconds: 1,
    outageLog: {
      worked: () => undefined,
      failed() {
        seen.failures += 1;
      },
    },
    ...options,
  });
  onTestFinished(async () => {
    await work.close();
    expect(clock.pending()).toBe(0);
  });
  return {
    clock,
    seen,
    work,
    add(count: number) {
      portions = count;
    },
    failWith(error: Error | null) {
      failure = error;
    },
  };
}

test('work is looked for at the start, when notified, and at intervals, until none is left', async () => {
  const { clock, seen, work, add } = startWork();
  await clock.advance(0);
  expect(seen.calls).toBe(1);
  add(3);
  work.notify();
  await clock.advance(0);
  expect(seen.calls).toBe(4);
  add(2);
  await clock.advance(59_999);
  expect(seen.calls).toBe(4);
  await clock.advance(1);
  expect(seen.calls).toBe(6);
});

test('what is notified within the delay is done together', async () => {
  const { clock, seen, work } = startWork({ delayMilliseconds: 100 });
  await clock.advance(0);
  work.notify();
  await clock.advance(50);
  work.notify();
  await clock.advance(49);
  expect(seen.calls).toBe(1);
  await clock.advance(1);
  expect(seen.calls).toBe(2);
  await clock.advance(1000);
  expect(seen.calls).toBe(2);
});

test('a notification during the work is not lost', async () => {
  const { clock, seen, work, add } = startWork({
    outageLog: { failed: () => undefined, worked: () => seen.calls === 1 && work.notify() },
  });
  add(1);
  await clock.advance(0);
  expect(seen.calls).toBe(2);
});

test('failed work is repeated after a delay that doubles up to the interval, whatever is notified', async () => {
  const { clock, seen, work, failWith } = startWork({ pollSeconds: 5 }, new Error('failed'));
  await clock.advance(0);
  const times = [1000, 2000, 4000, 5000, 5000];
  for (const [index, milliseconds] of times.entries()) {
    work.notify();
    await clock.advance(milliseconds - 1);
    expect(seen.calls).toBe(index + 1);
    await clock.advance(1);
    expect(seen.calls).toBe(index + 2);
  }
  expect(seen.failures).toBe(6);
  failWith(null);
  await clock.advance(5000);
  failWith(new Error('failed again'));
  work.notify();
  await clock.advance(0);
  expect(seen.calls).toBe(8);
  await clock.advance(1000);
  expect(seen.calls).toBe(9);
});

test('closing during work that needs no signal does not wait for the next interval', async () => {
  const clock = createFakeClock();
  let finish = (_hasMore: boolean) => {};
  const work = startBackgroundWork({
    clock,
    work: () => new Promise((resolve) => (finish = resolve)),
    pollSeconds: 60,
    retrySeconds: 1,
    outageLog: { worked: () => undefined, failed: (error) => expect.unreachable(String(error)) },
  });
  await clock.advance(0);
  const closed = work.close();
  finish(false);
  await closed;
  expect(clock.pending()).toBe(0);
});

test('closing aborts the work in progress and waits for its end', async () => {
  const clock = createFakeClock();
  let hasEnded = false;
  const work = startBackgroundWork({
    clock,
    work: (signal) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          hasEnded = true;
          reject(new Error('aborted'));
        });
      }),
    pollSeconds: 60,
    retrySeconds: 1,
    outageLog: { worked: () => undefined, failed: (error) => expect.unreachable(String(error)) },
  });
  await clock.advance(0);
  await work.close();
  expect(hasEnded).toBe(true);
  expect(clock.pending()).toBe(0);
});
