import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { StoreError } from '../../../src/database/store-error.ts';
import type { ActivityItem } from '../../../src/domain/activity.ts';
import { type ApprovalsStart, createApprovalSource } from '../../../src/graphql/approval/follow-approvals.ts';
import { createIds } from '../../../src/ids.ts';
import type { ApprovalRow } from '../../../src/projections/approvals.ts';
import { formatActivityCursor } from '../../../src/streams/activity/activity-cursor.ts';
import { createActivitySource } from '../../../src/streams/activity/follow-activity.ts';
import { createLiveStream } from '../../../src/streams/live-stream.ts';
import { createFakeClock } from '../fake-clock.ts';

/** Approvals in memory, and a feed whose changes are settled at once. */
function createApprovals() {
  const newId = createIds(() => Date.UTC(2026, 0));
  const rows = new Map<string, ApprovalRow>();
  const feed: ActivityItem[] = [];
  const store = { isDown: false };
  let notify = () => {};
  let onSnapshot = () => {};

  function record(kind: ActivityItem['kind'], waitId: string): void {
    const ids = { sessionId: 'ses', runId: 'run', waitId };
    feed.push({ position: feed.length + 1, owner: 'ada', kind, ...ids, state: null, occurredAt: new Date(0) });
    notify();
  }

  const check = () => {
    if (store.isDown) throw new StoreError('unavailable', 'connection refused');
  };

  return {
    store,
    position: () => feed.length,
    /** Called after each read of a page of the snapshot. */
    setOnSnapshot(listener: () => void): void {
      onSnapshot = listener;
    },
    request(): string {
      const id = newId('approval');
      rows.set(id, { id, kind: 'APPROVAL', status: 'PENDING' } as ApprovalRow);
      record('WAIT_OPENED', id);
      return id;
    },
    settle(id: string): void {
      rows.set(id, { id, status: 'ALLOWED' } as ApprovalRow);
      record('WAIT_SETTLED', id);
    },
    follow(start: ApprovalsStart, after = feed.length) {
      const startPosition = feed.length;
      const changes = createActivitySource(
        {
          catchUp: async () => feed.length,
          settled: () => feed.length,
          recent: (position) => feed.slice(position),
          onChanges(listener) {
            notify = () => listener(feed.slice(-1), feed.length - 1);
            return () => {};
          },
          recheck: () => notify(),
          close: async () => undefined,
        },
        { after, startPosition, maxBatch: 10, isWanted: () => true, readPage: async () => [] },
      );
      const source = createApprovalSource(
        {
          changes,
          async openApprovals(afterId, limit) {
            check();
            const open = [...rows.values()].filter(({ id, status }) => status === 'PENDING' && id > (afterId ?? ''));
            onSnapshot();
            return open.slice(0, limit);
          },
          async approvalsByIds(ids) {
            check();
            return ids.flatMap((id) => rows.get(id) ?? []);
          },
          newestPosition: async () => feed.length,
        },
        start,
      );
      const stream = createLiveStream(source, {
        clock: createFakeClock(),
        pollMilliseconds: 5000,
        signal: new AbortController().signal,
      });
      return {
        stream,
        /** Reads until nothing more comes. `*` marks the one that sets `caughtUp`. */
        async read() {
          const changed: string[] = [];
          const cursors: string[] = [];
          for (let turn = 0; turn < 10; turn += 1) {
            for (let value = stream.read(); value instanceof Object; value = stream.read()) {
              const { approval, cursor, caughtUp } = value;
              changed.push(`${approval.id} ${approval.status}${caughtUp ? ' *' : ''}`);
              cursors.push(cursor);
            }
            await setImmediate();
          }
          return { changed, cursors };
        },
      };
    },
  };
}

test('an approval that is pending, requested or settled appears once with each status', async () => {
  const { request, settle, follow } = createApprovals();
  const first = request();
  const { read } = follow({ kind: 'snapshot', position: 1, afterId: null });
  expect((await read()).changed).toEqual([`${first} PENDING *`]);
  const second = request();
  expect((await read()).changed).toEqual([`${second} PENDING`]);
  settle(first);
  expect((await read()).changed).toEqual([`${first} ALLOWED`]);
});

test('B66: the last approval of the snapshot sets `caughtUp`, also after several pages', async () => {
  const { request, follow } = createApprovals();
  const ids = Array.from({ length: 250 }, request);
  const { read } = follow({ kind: 'snapshot', position: 250, afterId: null });
  const { changed, cursors } = await read();
  expect(changed).toEqual(ids.map((id, index) => `${id} PENDING${index === 249 ? ' *' : ''}`));
  expect(cursors.at(-1)).toBe(formatActivityCursor(250));
});

test('B66: after an empty snapshot nothing is sent before the first change, which sets `caughtUp`', async () => {
  const { request, follow } = createApprovals();
  const { read } = follow({ kind: 'snapshot', position: 0, afterId: null });
  expect((await read()).changed).toEqual([]);
  const [first, second] = [request(), request()];
  expect((await read()).changed).toEqual([`${first} PENDING *`, `${second} PENDING`]);
});

test('B66: with a cursor only what has changed since is sent, in its state by now', async () => {
  const { request, settle, follow, position } = createApprovals();
  const [open, settled] = [request(), request()];
  const after = position();
  settle(settled);
  const brief = request();
  settle(brief);
  const requested = request();
  const { read } = follow({ kind: 'changes' }, after);
  expect((await read()).changed).toEqual([`${settled} ALLOWED`, `${brief} ALLOWED`, `${requested} PENDING *`]);
  settle(open);
  expect((await read()).changed).toEqual([`${open} ALLOWED`]);
});

test('an approval that is requested while the snapshot is read appears once', async () => {
  const { request, settle, follow, setOnSnapshot, position } = createApprovals();
  const ids = Array.from({ length: 150 }, request);
  let added: string[] = [];
  setOnSnapshot(() => {
    if (added.length < 3) added = [...added, request()];
  });
  const start = position();
  const { read } = follow({ kind: 'snapshot', position: start, afterId: null });
  const { changed } = await read();
  expect(changed.map((text) => text.replace(' *', '')).sort()).toEqual(
    [...ids, ...added].map((id) => `${id} PENDING`).sort(),
  );
  expect(changed.filter((text) => text.endsWith('*'))).toHaveLength(1);
  settle(ids[0] ?? '');
  expect((await read()).changed).toEqual([`${ids[0]} ALLOWED`]);
});

test('a snapshot that was cut continues after its last approval, with every change since it began', async () => {
  const { request, settle, follow } = createApprovals();
  const ids = Array.from({ length: 5 }, request);
  const [first = '', second = '', third, fourth, fifth] = ids;
  const { stream } = follow({ kind: 'snapshot', position: 5, afterId: null });
  stream.close();
  settle(first);
  settle(second);
  const { read } = follow({ kind: 'snapshot', position: 5, afterId: second }, 5);
  expect((await read()).changed).toEqual([
    `${third} PENDING`,
    `${fourth} PENDING`,
    `${fifth} PENDING *`,
    `${first} ALLOWED`,
    `${second} ALLOWED`,
  ]);
});

test('B52: a change during an outage appears after it', async () => {
  const { request, follow, store } = createApprovals();
  const { read, stream } = follow({ kind: 'snapshot', position: 0, afterId: null });
  await read();
  store.isDown = true;
  const id = request();
  expect((await read()).changed).toEqual([]);
  store.isDown = false;
  request();
  expect((await read()).changed[0]).toBe(`${id} PENDING *`);
  stream.close();
});
