import { describe, expect, test } from 'vitest';
import type { ChannelListener, NotificationChannel } from '../../../src/database/database.ts';
import type { RecordedEvent } from '../../../src/domain/events.ts';
import { readMessage } from '../../../src/streams/notifications/batcher.ts';
import { hintsOf } from '../../../src/streams/notifications/hints.ts';
import type { RunNotification } from '../../../src/streams/notifications/hub.ts';
import { createSharedNotificationHub, type DeliveryState } from '../../../src/streams/notifications/shared-hub.ts';
import { status } from '../domain/given.ts';
import { createFakeClock } from '../fake-clock.ts';

/** Servers on one database in memory; messages reach those whose connection is up. */
function createNetwork() {
  const clock = createFakeClock();
  const heads = new Map<string, number>();
  const sent: string[] = [];
  const listeners = new Set<ChannelListener>();
  let looks = 0;

  function join(id: string, { notify = true } = {}) {
    let own: ChannelListener | null = null;
    const states: DeliveryState[] = [];
    const notifications: NotificationChannel = {
      async send(message) {
        sent.push(message);
        for (const listener of listeners) listener.onMessage(message);
      },
      listen(listener) {
        own = listener;
        return { close: async () => void listeners.delete(listener) };
      },
    };
    const bus = createSharedNotificationHub({
      notifications,
      notify,
      id,
      timer: clock.after,
      gatherMilliseconds: 5,
      pollMilliseconds: 500,
      async heads(runIds) {
        looks += 1;
        return new Map([...heads].filter(([runId]) => runIds.includes(runId)));
      },
      onState: (state) => states.push(state),
      outage: { failed: (error) => expect.unreachable(String(error)), worked: () => undefined },
    });
    const setUp = (isUp: boolean) => {
      if (!own) throw new Error('Nobody listens.');
      if (isUp) listeners.add(own);
      else listeners.delete(own);
      own.onState(isUp);
    };
    const heard: (RunNotification | null)[] = [];
    return { bus, states, setUp, heard, hear: (wake: RunNotification | null) => void heard.push(wake) };
  }

  return { clock, heads, sent, join, looks: () => looks };
}

const event = { type: 'output_delta' } as RecordedEvent;
const grown = (runId: string, head: number, hints: RunNotification['hints'] = []): RunNotification => ({
  runId,
  sessionId: 'ses_1',
  head,
  events: [event],
  hints,
});

describe('wake-ups between servers', () => {
  test('arrive at once here and gathered there, without events and not back at their sender', async () => {
    const { clock, sent, join } = createNetwork();
    const [one, two] = [join('srv_1'), join('srv_2')];
    one.setUp(true);
    two.setUp(true);
    one.bus.onRun('run_1', one.hear);
    two.bus.onSession('ses_1', two.hear);
    one.bus.publish(grown('run_1', 1));
    one.bus.publish(grown('run_1', 2, ['question']));
    one.bus.publish(grown('run_1', 3, ['work']));
    expect(one.heard).toHaveLength(3);
    expect(two.heard).toEqual([]);
    await clock.advance(5);
    expect(sent).toHaveLength(1);
    expect(two.heard).toEqual([
      { runId: 'run_1', sessionId: 'ses_1', head: 3, events: null, hints: ['question', 'work'] },
    ]);
    expect(one.heard).toHaveLength(3);
  });

  test('of many runs are as few messages as Postgres takes them in', async () => {
    const { clock, sent, join } = createNetwork();
    const [one, two] = [join('srv_1'), join('srv_2')];
    two.setUp(true);
    two.bus.onAny(two.hear);
    for (let n = 0; n < 500; n += 1) one.bus.publish(grown(`run_${String(n).padStart(26, '0')}`, 7, ['work', 'end']));
    await clock.advance(5);
    expect(two.heard).toHaveLength(500);
    expect(sent.length).toBeLessThan(8);
    for (const message of sent) expect(Buffer.byteLength(message)).toBeLessThan(8000);
  });

  test.each(['', 'x', '[]', '["srv_2",[["run_1"]]]', '["srv_1",[]]', '{"srv":1}'])('read %j as none', (message) => {
    expect(readMessage('srv_1', message)).toEqual([]);
  });
});

describe('where wake-ups do not arrive', () => {
  test('tapes that have grown are found in one look, and everybody else looks for himself', async () => {
    const { clock, heads, join, looks } = createNetwork();
    const one = join('srv_1', { notify: false });
    const told = { grown: 0, still: 0, session: 0 };
    const count = (name: keyof typeof told) => (wake: RunNotification | null) => {
      if (wake === null) told[name] += 1;
    };
    one.bus.onRun('run_grown', count('grown'));
    one.bus.onRun('run_still', count('still'));
    one.bus.onSession('ses_1', count('session'));
    heads.set('run_grown', 1).set('run_still', 1);
    await clock.advance(500);
    expect([looks(), told]).toEqual([1, { grown: 1, still: 1, session: 1 }]);
    heads.set('run_grown', 2);
    await clock.advance(1000);
    expect([looks(), told]).toEqual([3, { grown: 2, still: 1, session: 3 }]);
    await one.bus.close();
    expect(clock.pending()).toBe(0);
  });

  test('looking ends when they arrive again, and everybody looks once for what was missed', async () => {
    const { clock, join, looks } = createNetwork();
    const one = join('srv_1');
    one.bus.onRun('run_1', one.hear);
    one.setUp(true);
    expect(one.heard).toEqual([null]);
    await clock.advance(5000);
    expect(looks()).toBe(0);
    one.setUp(false);
    await clock.advance(1000);
    expect(looks()).toBe(2);
    one.setUp(true);
    expect(one.heard.at(-1)).toBeNull();
    await clock.advance(5000);
    expect(looks()).toBe(2);
    expect(one.states).toEqual(['arriving', 'polling', 'arriving']);
  });

  test('a connection that is lost while a look is under way leaves one look at a time', async () => {
    const { clock, join, looks } = createNetwork();
    const one = join('srv_1');
    one.bus.onRun('run_1', one.hear);
    for (let n = 0; n < 10; n += 1) {
      one.setUp(true);
      one.setUp(false);
    }
    await clock.advance(5000);
    expect(looks()).toBe(10);
  });
});

test('hints say what events mean for those who do not read the tape', () => {
  const recorded = (of: ReturnType<typeof status>) => of as unknown as RecordedEvent;
  expect(hintsOf([recorded(status(null, 'PENDING'))])).toEqual(['work']);
  expect(hintsOf([recorded(status('PENDING', 'IN_PROGRESS'))])).toEqual([]);
  expect(hintsOf([recorded(status('AWAITING_APPROVAL', 'IN_PROGRESS'))])).toEqual(['work']);
  expect(hintsOf([recorded(status('IN_PROGRESS', 'DONE'))])).toEqual(['work', 'end']);
  expect(hintsOf([{ type: 'approval_request' } as RecordedEvent, event])).toEqual(['question']);
});
