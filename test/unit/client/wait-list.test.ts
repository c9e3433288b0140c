import { describe, expect, test, vi } from 'vitest';
import type { ActivityItem, FeedListener } from '../../../client/src/activity/activity-feed.ts';
import type { Requests } from '../../../client/src/connection/requests.ts';
import { createSource } from '../../../client/src/readable.ts';
import type { Wait } from '../../../client/src/waits/wait.ts';
import { createWaitList, type WaitFilter } from '../../../client/src/waits/wait-list.ts';
import { fakeConnection } from './fakes.ts';

const waitOf = (id: string, more: object = {}) =>
  ({ __typename: 'Approval', id, kind: 'APPROVAL', summary: id, ...more }) as unknown as Wait;

/** A list over waits that the test changes. */
async function setUp(filter: WaitFilter | null = {}) {
  const open: Wait[] = [waitOf('apr_2'), waitOf('apr_1')];
  const asked: unknown[] = [];
  const requests = {
    async read(_document: unknown, variables: unknown) {
      asked.push(variables);
      return { waits: { nodes: [...open], pageInfo: { hasNextPage: false, endCursor: null } } };
    },
  } as unknown as Requests;
  const listeners = new Set<FeedListener>();
  const feed = {
    isCaughtUp: createSource(true),
    join(listener: FeedListener) {
      listeners.add(listener);
      listener.onReset();
      return () => void listeners.delete(listener);
    },
  };
  const { connection } = fakeConnection();
  const list = createWaitList(requests, { connection, feed, refreshMilliseconds: 10 }, async () => filter);
  const leave = list.subscribe(() => {});
  await vi.waitFor(() => expect(list.sync.get()).toEqual({ state: 'live' }));
  const change = (item: object) => {
    for (const { onItem } of listeners) onItem(item as ActivityItem);
  };
  return { list, open, asked, change, leave };
}

/** The summaries of the waits in the list. */
const summaries = (list: Awaited<ReturnType<typeof setUp>>['list']) =>
  list.get().map(({ data }) => (data.get() as unknown as { summary: string }).summary);

describe('the list of open waits', () => {
  test('asks for what is open, as the filter says', async () => {
    const { list, asked, leave } = await setUp({ sessionId: 'ses_1', kinds: ['APPROVAL'] });
    expect(asked).toEqual([
      { first: 50, after: null, filter: { states: ['OPEN'], sessionId: 'ses_1', kinds: ['APPROVAL'] } },
    ]);
    expect(list.get().map(({ id, kind }) => [id, kind])).toEqual([
      ['apr_2', 'APPROVAL'],
      ['apr_1', 'APPROVAL'],
    ]);
    leave();
  });

  test('is empty, and asks nothing, while what is waited for does not exist', async () => {
    const { list, asked, leave } = await setUp(null);
    expect([list.get(), asked]).toEqual([[], []]);
    leave();
  });

  test('is read again when a wait is opened or settled, and keeps the handles of the others', async () => {
    const { list, open, asked, change, leave } = await setUp();
    const [newest, oldest] = list.get();
    open.unshift(waitOf('apr_3'));
    change({ kind: 'WAIT_OPENED', waitId: 'apr_3', wait: waitOf('apr_3') });
    await vi.waitFor(() => expect(summaries(list)).toEqual(['apr_3', 'apr_2', 'apr_1']));
    expect(list.get().slice(1)).toEqual([newest, oldest]);
    expect(list.get()[1]).toBe(newest);
    open.splice(1, 1);
    change({ kind: 'WAIT_SETTLED', waitId: 'apr_2', wait: waitOf('apr_2', { summary: 'settled' }) });
    await vi.waitFor(() => expect(summaries(list)).toEqual(['apr_3', 'apr_1']));
    // The handle that has left the list has the wait as it was settled.
    expect(newest?.data.get()).toMatchObject({ summary: 'settled' });
    expect(asked).toHaveLength(3);
    leave();
  });

  test('is not read again for changes of sessions and runs, but for those of waits that are not in it', async () => {
    const { list, asked, change, leave } = await setUp();
    const before = list.get();
    vi.useFakeTimers();
    change({ kind: 'RUN_CREATED', waitId: null, wait: waitOf('apr_1', { summary: 'other' }) });
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
    change({ kind: 'WAIT_SETTLED', waitId: null, wait: null });
    await vi.waitFor(() => expect(asked).toHaveLength(2));
    expect([list.get(), summaries(list)]).toEqual([before, ['apr_2', 'apr_1']]);
    leave();
  });

  test('changes the data of a handle only if the wait has changed', async () => {
    const { list, open, change, leave } = await setUp();
    const [handle] = list.get();
    const data = handle?.data.get();
    open[0] = waitOf('apr_2');
    open[1] = waitOf('apr_1', { summary: 'changed' });
    change({ kind: 'WAIT_OPENED', waitId: 'apr_2', wait: null });
    await vi.waitFor(() => expect(summaries(list)).toEqual(['apr_2', 'changed']));
    expect(list.get()[0]).toBe(handle);
    expect(handle?.data.get()).toBe(data);
    leave();
  });
});
