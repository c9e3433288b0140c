import { expect, test, vi } from 'vitest';
import type { FeedListener } from '../../../client/src/activity/activity-feed.ts';
import { createLiveList, type Page } from '../../../client/src/list/live-list.ts';
import { createSource } from '../../../client/src/readable.ts';
import { fakeConnection } from './fakes.ts';

type Row = { id: string };

/** A list whose pages the test answers. */
function setUp() {
  const listeners = new Set<FeedListener>();
  const isCaughtUp = createSource(true);
  const feed = {
    isCaughtUp,
    join(listener: FeedListener) {
      listeners.add(listener);
      queueMicrotask(() => listeners.has(listener) && listener.onReset());
      return () => void listeners.delete(listener);
    },
  };
  const asked: ((ids: string[]) => void)[] = [];
  const list = createLiveList<Row, string>({
    connection: fakeConnection().connection,
    feed,
    refreshMilliseconds: 1,
    pageSize: 10,
    readPage: () =>
      new Promise<Page<Row>>((resolve) =>
        asked.push((ids) =>
          resolve({ nodes: ids.map((id) => ({ id })), pageInfo: { hasNextPage: false, endCursor: null } }),
        ),
      ),
    concerns: () => true,
    itemOf: ({ id }) => id,
  });
  const answer = async (...ids: string[]) => {
    await vi.waitFor(() => expect(asked).not.toEqual([]));
    asked.shift()?.(ids);
    await new Promise((resolve) => setImmediate(resolve));
  };
  const reset = () => {
    for (const { onReset } of listeners) onReset();
  };
  return { list, answer, reset, asked: () => asked.length };
}

const catchingUp = { state: 'catching-up', progress: null };

test('a list that is left during a read is not live until it was read again', async () => {
  const { list, answer, asked } = setUp();
  const leave = list.subscribe(() => {});
  await vi.waitFor(() => expect(asked()).toBe(1));
  leave();
  await answer('old');
  const leaveAgain = list.subscribe(() => {});
  expect(list.sync.get()).toEqual(catchingUp);
  await answer('new');
  expect([list.sync.get(), list.get()]).toEqual([{ state: 'live' }, ['new']]);
  leaveAgain();
});

test('a list is catching up while it is read again because changes may have been missed', async () => {
  const { list, answer, reset } = setUp();
  const leave = list.subscribe(() => {});
  await answer('1');
  expect(list.sync.get()).toEqual({ state: 'live' });
  reset();
  expect(list.sync.get()).toEqual(catchingUp);
  await answer('2');
  expect([list.sync.get(), list.get()]).toEqual([{ state: 'live' }, ['2']]);
  leave();
});
