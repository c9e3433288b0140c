import { describe, expect, test } from 'vitest';
import { createNotificationHub } from '../../../src/streams/notifications/hub.ts';
import { createPoller } from '../../../src/streams/notifications/poller.ts';
import { createFakeClock } from '../fake-clock.ts';

/** A poller every 500 ms over these heads. Listeners note what they are told. */
function open(heads: Record<string, number> = {}) {
  const clock = createFakeClock();
  const hub = createNotificationHub();
  const queries: string[][] = [];
  const outcomes: unknown[] = [];
  const told: string[] = [];
  let answer = Promise.resolve();
  const poller = createPoller(hub, {
    clock,
    pollMilliseconds: 500,
    async heads(runIds) {
      queries.push(runIds);
      await answer;
      return new Map(Object.entries(heads).filter(([runId]) => runIds.includes(runId)));
    },
    outage: { failed: (error) => void outcomes.push(error), worked: () => void outcomes.push('worked') },
  });
  const listen = (runId: string) => hub.onRun(runId, () => void told.push(runId));
  const hold = (until: Promise<void>) => {
    answer = until;
  };
  return { clock, hub, poller, queries, outcomes, told, listen, heads, hold };
}

describe('a poll', () => {
  test('asks for the heads of runs with listeners, and for nothing without one', async () => {
    const { clock, poller, queries, hub, listen, told, outcomes } = open({ run_1: 1 });
    const sessions: unknown[] = [];
    hub.onSession('ses_1', (notification) => void sessions.push(notification));
    poller.start();
    await clock.advance(500);
    expect([queries, sessions, outcomes]).toEqual([[], [null], ['worked']]);
    listen('run_1');
    await clock.advance(500);
    expect([queries, sessions, told]).toEqual([[['run_1']], [null, null], ['run_1']]);
  });

  test('tells of a run again after it had no listener, because what came meanwhile was missed', async () => {
    const { clock, poller, told, listen } = open({ run_1: 1 });
    poller.start();
    const unsubscribe = listen('run_1');
    await clock.advance(1000);
    expect(told).toEqual(['run_1']);
    unsubscribe();
    listen('run_2');
    await clock.advance(500);
    listen('run_1');
    await clock.advance(500);
    expect(told).toEqual(['run_1', 'run_1']);
  });

  test('that fails is reported, and the next one takes place', async () => {
    const { clock, poller, listen, queries, outcomes, hold } = open();
    const error = new Error('away');
    const failure = Promise.reject(error);
    failure.catch(() => undefined);
    hold(failure);
    listen('run_1');
    poller.start();
    await clock.advance(1000);
    expect([queries.length, outcomes]).toEqual([2, [error, error]]);
  });
});

describe('a poller', () => {
  test('that is started twice polls once', async () => {
    const { clock, poller, listen, queries } = open();
    listen('run_1');
    poller.start();
    poller.start();
    await clock.advance(500);
    expect([queries.length, clock.pending()]).toEqual([1, 1]);
  });

  test('that is stopped polls no more, and may be stopped again', async () => {
    const { clock, poller, listen, queries } = open();
    listen('run_1');
    poller.stop();
    poller.start();
    poller.stop();
    poller.stop();
    await clock.advance(5000);
    expect([queries, clock.pending()]).toEqual([[], 0]);
  });

  test('that is stopped and started during a poll goes on with one', async () => {
    const { clock, poller, listen, queries, hold } = open();
    const slow = new AbortController();
    hold(new Promise((resolve) => slow.signal.addEventListener('abort', () => resolve())));
    listen('run_1');
    poller.start();
    await clock.advance(500);
    poller.stop();
    poller.start();
    slow.abort();
    await clock.advance(0);
    expect(clock.pending()).toBe(1);
    await clock.advance(500);
    expect([queries.length, clock.pending()]).toEqual([2, 1]);
  });

  test('forgets the heads when it stops, because notifications told of later ones', async () => {
    const { clock, poller, listen, told } = open({ run_1: 1 });
    listen('run_1');
    poller.start();
    await clock.advance(500);
    poller.stop();
    poller.start();
    await clock.advance(500);
    expect(told).toEqual(['run_1', 'run_1']);
  });
});
