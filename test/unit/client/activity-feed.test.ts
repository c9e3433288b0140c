import { describe, expect, test } from 'vitest';
import { type ActivityItem, createActivityFeed, readActivity } from '../../../client/src/activity/activity-feed.ts';
import { RuntapeError } from '../../../client/src/runtape-error.ts';
import { fakeConnection } from './fakes.ts';

const item = (position: number) => ({ cursor: `a${position}` }) as ActivityItem;
const items = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => item(from + index));

const batch = (changes: readonly ActivityItem[], { cursor = changes.at(-1)?.cursor ?? '', caughtUp = false } = {}) => ({
  activity: { items: changes, cursor, caughtUp },
});

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('a reader of changes', () => {
  test('that does not read is sent no more than some thousand, and later gets the rest, each once', async () => {
    const { connection, deliver, running, starts } = fakeConnection();
    const reader = readActivity(connection, null);
    const first = reader.next();
    await settle();
    deliver(batch([], { cursor: 'a0', caughtUp: true }));
    deliver(batch(items(1, 200)));
    const found = [(await first).value as ActivityItem];
    for (let from = 201; from <= 1201; from += 200) deliver(batch(items(from, from + 199)));
    expect(running.size).toBe(0);
    while (found.length < 1400) found.push((await reader.next()).value);
    expect(running.size).toBe(0);
    const next = reader.next();
    await settle();
    expect(starts).toEqual([{ after: null }, { after: 'a1400' }]);
    deliver(batch(items(1401, 1402)));
    found.push((await next).value, (await reader.next()).value);
    expect(found).toEqual(items(1, 1402));
    await reader.return?.();
    expect(running.size).toBe(0);
  });

  test('gets what has arrived before the error that ends the feed', async () => {
    const { connection, deliver, running } = fakeConnection();
    const reader = readActivity(connection, 'a0');
    const first = reader.next();
    await settle();
    deliver(batch(items(1, 2)));
    for (const { end } of running) end(new RuntapeError('CURSOR_EXPIRED', 'Too old.'));
    expect([(await first).value, (await reader.next()).value]).toEqual(items(1, 2));
    await expect(reader.next()).rejects.toMatchObject({ code: 'CURSOR_EXPIRED' });
    expect((await reader.next()).done).toBe(true);
  });
});

describe('the feed of the lists', () => {
  function join() {
    const network = fakeConnection();
    const feed = createActivityFeed(network.connection);
    const calls: string[] = [];
    feed.join({
      onItem: ({ cursor }) => void calls.push(cursor),
      onReset: () => void calls.push(`reset while ${feed.isCaughtUp.get() ? 'live' : 'catching up'}`),
      onFailure: ({ code }) => void calls.push(code),
    });
    const fail = (code: string) => {
      for (const operation of [...network.running]) {
        network.running.delete(operation);
        operation.end(new RuntapeError(code, code));
      }
    };
    return { ...network, feed, calls, fail };
  }

  test.each([
    ['is too old', 'CURSOR_EXPIRED'],
    ['is unknown to a gateway that was restored from a backup', 'BAD_USER_INPUT'],
  ])('begins again when its position %s, and has every list read again before it is live', async (_why, code) => {
    const { deliver, calls, starts, feed, fail } = join();
    deliver(batch([], { cursor: 'a7', caughtUp: true }));
    expect([calls.splice(0), feed.isCaughtUp.get()]).toEqual([['reset while catching up'], true]);
    fail(code);
    expect([starts, feed.isCaughtUp.get()]).toEqual([[{ after: null }, { after: null }], false]);
    deliver(batch([], { cursor: 'a2', caughtUp: true }));
    deliver(batch([item(3)]));
    expect([calls, feed.isCaughtUp.get()]).toEqual([['reset while catching up', 'a3'], true]);
  });

  test('is not begun again and again if the gateway refuses it without a position', async () => {
    const { calls, starts, fail } = join();
    fail('BAD_USER_INPUT');
    expect([calls, starts]).toEqual([['BAD_USER_INPUT'], [{ after: null }]]);
  });
});
