import { describe, expect, test } from 'vitest';
import type { ChannelListener, NotificationChannel } from '../../../src/database/database.ts';
import type { RecordedEvent } from '../../../src/domain/events.ts';
import { readMessage } from '../../../src/streams/notifications/batcher.ts';
import { hintsOf } from '../../../src/streams/notifications/hints.ts';
import type { RunNotification } from '../../../src/streams/notifications/hub.ts';
import { createSharedNotificationHub, type DeliveryState } from '../../../src/streams/notifications/shared-hub.ts';
import { status } from '../domain/given.ts';
import { createFakeClock } from '../fake-clock.ts';

/** Servers on one database in memory. Messages reach the servers whose connection is up. */
function createNetwork() {
  const clock = createFakeClock();
  const heads = new Map<string, number>();
  const messages: string[] = [];
  const connected = new Set<ChannelListener>();
  let polls = 0;

  function join(id: string, { notify = true } = {}) {
    let listener: ChannelListener | null = null;
    const states: DeliveryState[] = [];
    const channel: NotificationChannel = {
      async send(message) {
        messages.push(message);
        for (const { onMessage } of connected) onMessage(message);
      },
      listen(channelListener) {
        listener = channelListener;
        return {
          async close() {
            if (connected.delete(channelListener)) channelListener.onState(false);
          },
        };
      },
    };
    const hub = createSharedNotificationHub({
      notifications: channel,
      notify,
      id,
      clock,
      batchMilliseconds: 5,
      pollMilliseconds: 500,
      async heads(runIds) {
        polls += 1;
        return new Map([...heads].filter(([runId]) => runIds.includes(runId)));
      },
      onState: (state) => states.push(state),
      outage: { failed: (error) => expect.unreachable(String(error)), worked: () => undefined },
    });
    const setConnected = (isConnected: boolean) => {
      if (!listener) throw new Error('The server does not listen.');
      if (isConnected) connected.add(listener);
      else connected.delete(listener);
      listener.onState(isConnected);
    };
    const received: (RunNotification | null)[] = [];
    const receive = (notification: RunNotification | null) => void received.push(notification);
    return { hub, states, setConnected, received, receive };
  }

  return { clock, heads, messages, join, polls: () => polls };
}

const event = { type: 'output_delta' } as RecordedEvent;
const notificationOf = (runId: string, head: number, hints: RunNotification['hints'] = []): RunNotification => ({
  runId,
  sessionId: 'ses_1',
  head,
  events: [event],
  hints,
});

describe('notifications between servers', () => {
  test('are delivered at once here, and elsewhere in batches, without events and not to their sender', async () => {
    const { clock, messages, join } = createNetwork();
    const [one, two] = [join('srv_1'), join('srv_2')];
    one.setConnected(true);
    two.setConnected(true);
    one.hub.onRun('run_1', one.receive);
    two.hub.onSession('ses_1', two.receive);
    one.hub.publish(notificationOf('run_1', 1));
    one.hub.publish(notificationOf('run_1', 2, ['activity']));
    one.hub.publish(notificationOf('run_1', 3, ['work']));
    expect(one.received).toHaveLength(3);
    expect(two.received).toEqual([]);
    await clock.advance(5);
    expect(messages.filter((message) => message.includes('run_1'))).toHaveLength(1);
    expect(two.received).toEqual([
      { runId: 'run_1', sessionId: 'ses_1', head: 3, events: null, hints: ['work', 'activity'] },
    ]);
    expect(one.received).toHaveLength(3);
  });

  test('that the feed of changes has grown reach its listeners on every server, for runs and for sessions', async () => {
    const { clock, join } = createNetwork();
    const [one, two] = [join('srv_1'), join('srv_2')];
    one.setConnected(true);
    two.setConnected(true);
    one.hub.onActivity(one.receive);
    two.hub.onActivity(two.receive);
    one.hub.publish(notificationOf('run_1', 1));
    await clock.advance(5);
    expect([one.received, two.received]).toEqual([[], []]);
    one.hub.publish(notificationOf('run_1', 2, ['activity']));
    one.hub.publishSession('ses_2');
    await clock.advance(5);
    expect([one.received.length, two.received.length]).toEqual([2, 2]);
  });

  test('that a session was closed reach its listeners on every server, one for each session', async () => {
    const { clock, join } = createNetwork();
    const [one, two] = [join('srv_1'), join('srv_2')];
    one.setConnected(true);
    two.setConnected(true);
    one.hub.onSession('ses_1', one.receive);
    two.hub.onSession('ses_1', two.receive);
    two.hub.onSession('ses_2', two.receive);
    one.hub.publishSession('ses_1');
    one.hub.publishSession('ses_2');
    expect(one.received).toHaveLength(1);
    await clock.advance(5);
    expect(new Set(two.received.map((notification) => notification?.sessionId))).toEqual(new Set(['ses_1', 'ses_2']));
    expect(one.received).toHaveLength(1);
  });

  test('of many runs share messages up to the size that Postgres allows', async () => {
    const { clock, messages, join } = createNetwork();
    const [one, two] = [join('srv_1'), join('srv_2')];
    two.setConnected(true);
    two.hub.onAny(two.receive);
    for (let n = 0; n < 500; n += 1) {
      one.hub.publish(notificationOf(`run_${String(n).padStart(26, '0')}`, 7, ['work', 'end']));
    }
    await clock.advance(5);
    expect(two.received).toHaveLength(500);
    expect(messages.length).toBeLessThan(8);
    for (const message of messages) expect(Buffer.byteLength(message)).toBeLessThan(8000);
  });

  test.each(['', 'x', '[]', '["srv_2",[["run_1"]]]', '["srv_1",[]]', '{"srv":1}'])(
    'the message %j is ignored',
    (message) => {
      expect(readMessage('srv_1', message)).toBeNull();
    },
  );
});

describe('a server sends notifications', () => {
  const sentTo = (messages: readonly string[]) => messages.filter((message) => message.includes('run_1')).length;

  test('as soon as another server listens, and not while it is alone', async () => {
    const { clock, messages, join } = createNetwork();
    const one = join('srv_1');
    one.setConnected(true);
    await clock.advance(10_000);
    one.hub.publish(notificationOf('run_1', 1));
    await clock.advance(5);
    expect(sentTo(messages)).toBe(0);
    const two = join('srv_2');
    two.hub.onRun('run_1', two.receive);
    two.setConnected(true);
    one.hub.publish(notificationOf('run_1', 2));
    await clock.advance(5);
    expect(two.received).toEqual([null, expect.objectContaining({ head: 2 })]);
  });

  test('until the others have been silent for 30 seconds', async () => {
    const { clock, messages, join } = createNetwork();
    const [one, two] = [join('srv_1'), join('srv_2')];
    one.setConnected(true);
    two.setConnected(true);
    await clock.advance(100_000);
    one.hub.publish(notificationOf('run_1', 1));
    await clock.advance(5);
    expect(sentTo(messages)).toBe(1);
    await two.hub.close();
    await clock.advance(40_000);
    one.hub.publish(notificationOf('run_1', 2));
    await clock.advance(5);
    expect(sentTo(messages)).toBe(1);
  });

  test('while it cannot know who listens: after it has connected, and without a connection', async () => {
    const { clock, messages, join } = createNetwork();
    const one = join('srv_1');
    one.hub.publish(notificationOf('run_1', 1));
    await clock.advance(5);
    one.setConnected(true);
    one.hub.publish(notificationOf('run_1', 2));
    await clock.advance(5);
    expect(sentTo(messages)).toBe(2);
    await clock.advance(20_000);
    one.setConnected(false);
    one.hub.publish(notificationOf('run_1', 3));
    await clock.advance(5);
    expect(sentTo(messages)).toBe(3);
    await one.hub.close();
    expect(clock.pending()).toBe(0);
  });
});

test('a hub that is closed while notifications arrive leaves no timer', async () => {
  const { clock, join, polls } = createNetwork();
  const one = join('srv_1');
  one.setConnected(true);
  one.hub.onRun('run_1', one.receive);
  await one.hub.close();
  expect(clock.pending()).toBe(0);
  await clock.advance(5000);
  expect(polls()).toBe(0);
});

describe('while notifications of other servers do not arrive', () => {
  test('one poll finds all tapes that have grown, and reports a loss to every other listener', async () => {
    const { clock, heads, join, polls } = createNetwork();
    const one = join('srv_1', { notify: false });
    const losses = { growing: 0, unchanged: 0, session: 0 };
    const count = (name: keyof typeof losses) => (notification: RunNotification | null) => {
      if (notification === null) losses[name] += 1;
    };
    one.hub.onRun('run_growing', count('growing'));
    one.hub.onRun('run_unchanged', count('unchanged'));
    one.hub.onSession('ses_1', count('session'));
    heads.set('run_growing', 1).set('run_unchanged', 1);
    await clock.advance(500);
    expect([polls(), losses]).toEqual([1, { growing: 1, unchanged: 1, session: 1 }]);
    heads.set('run_growing', 2);
    await clock.advance(1000);
    expect([polls(), losses]).toEqual([3, { growing: 2, unchanged: 1, session: 3 }]);
    await one.hub.close();
    expect(clock.pending()).toBe(0);
  });

  test('polling lasts until they arrive again; then each listener is told once that some may be lost', async () => {
    const { clock, join, polls } = createNetwork();
    const one = join('srv_1');
    one.hub.onRun('run_1', one.receive);
    await clock.advance(1000);
    expect(polls()).toBe(2);
    one.setConnected(true);
    expect([one.received, one.states]).toEqual([[null], ['arriving']]);
    await clock.advance(5000);
    expect(polls()).toBe(2);
    one.setConnected(false);
    await clock.advance(500);
    expect(polls()).toBe(3);
    one.setConnected(true);
    expect(one.received).toEqual([null, null]);
    await clock.advance(5000);
    expect(polls()).toBe(3);
    expect(one.states).toEqual(['arriving', 'polling', 'arriving']);
  });

  test('a connection that is lost again and again leaves one poll at a time', async () => {
    const { clock, join, polls } = createNetwork();
    const one = join('srv_1');
    one.hub.onRun('run_1', one.receive);
    for (let n = 0; n < 10; n += 1) {
      one.setConnected(true);
      one.setConnected(false);
    }
    await clock.advance(5000);
    expect(polls()).toBe(10);
  });
});

test('hints tell what events mean to listeners that do not read the tape', () => {
  const recorded = (statusEvent: ReturnType<typeof status>) => statusEvent as unknown as RecordedEvent;
  expect(hintsOf([recorded(status(null, 'PENDING'))])).toEqual(['activity', 'work']);
  expect(hintsOf([recorded(status('PENDING', 'IN_PROGRESS'))])).toEqual(['activity']);
  expect(hintsOf([recorded(status('AWAITING_APPROVAL', 'IN_PROGRESS'))])).toEqual(['activity', 'work']);
  expect(hintsOf([recorded(status('IN_PROGRESS', 'DONE'))])).toEqual(['activity', 'work', 'end']);
  for (const type of ['approval_request', 'approval_decision', 'wait_request', 'wait_settled'] as const) {
    expect(hintsOf([{ type } as RecordedEvent, event])).toEqual(['activity']);
  }
});
