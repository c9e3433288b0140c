import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { StoreError } from '../../../src/database/store-error.ts';
import type { RecordedEvent } from '../../../src/domain/events.ts';
import { followApprovals } from '../../../src/graphql/approval/follow-approvals.ts';
import { createIds } from '../../../src/ids.ts';
import type { ApprovalRow } from '../../../src/projections/approvals.ts';
import { createNotificationHub } from '../../../src/streams/notifications/hub.ts';
import { createFakeClock } from '../fake-clock.ts';
import { readAvailable } from '../streams/live-tapes.ts';

const pollMilliseconds = 5000;

/** A stream of approvals over rows in memory. */
function open() {
  const clock = createFakeClock(Date.UTC(2026, 0));
  const newId = createIds(clock.now);
  const notifications = createNotificationHub();
  const rows: ApprovalRow[] = [];
  const store = { isDown: false };
  let statements = 0;
  const reader = {
    wait: {
      async findMany({ where }: { where: { id?: { in: string[] } } }) {
        statements += 1;
        if (store.isDown) throw new StoreError('unavailable', 'connection refused');
        return rows
          .filter(({ id, status }) => where.id?.in.includes(id) ?? status === 'PENDING')
          .map((row) => ({ ...row }));
      },
    },
  };
  const stream = followApprovals(
    // The queries use nothing else of it.
    { notifications, clock, pollMilliseconds, reader: reader as never },
    { owner: 'ada', sessionId: null, signal: new AbortController().signal },
  );
  return {
    clock,
    store,
    statements: () => statements,
    request(): string {
      const id = newId('approval');
      rows.push({ id, kind: 'APPROVAL', status: 'PENDING', requestedAt: new Date(clock.now()) } as ApprovalRow);
      return id;
    },
    announce(approvalId: string): void {
      const event = { type: 'approval_request', payload: { approvalId } } as RecordedEvent;
      notifications.publish({ runId: 'run', sessionId: 'ses', head: 1, events: [event], hints: ['approval'] });
    },
    announceOther(): void {
      const event = { type: 'output_delta' } as RecordedEvent;
      notifications.publish({ runId: 'run', sessionId: 'ses', head: 2, events: [event], hints: [] });
    },
    settle(approvalId: string): void {
      for (const row of rows) if (row.id === approvalId) row.status = 'ALLOWED';
    },
    /** Reads until nothing more comes. */
    async read(): Promise<string[]> {
      const changes: string[] = [];
      for (let turn = 0; turn < 5; turn += 1) {
        for (const row of readAvailable(stream)) if (row instanceof Object) changes.push(`${row.id} ${row.status}`);
        await setImmediate();
      }
      return changes;
    },
  };
}

test('an approval that is pending, requested or settled appears once with each status', async () => {
  const { request, announce, settle, read } = open();
  const first = request();
  expect(await read()).toEqual([`${first} PENDING`]);
  const second = request();
  announce(second);
  announce(second);
  expect(await read()).toEqual([`${second} PENDING`]);
  settle(first);
  announce(first);
  expect(await read()).toEqual([`${first} ALLOWED`]);
});

test('B52: a change that is announced during an outage appears after it', async () => {
  const { request, announce, read, store, clock } = open();
  expect(await read()).toEqual([]);
  store.isDown = true;
  const id = request();
  announce(id);
  expect(await read()).toEqual([]);
  store.isDown = false;
  await clock.advance(2 * pollMilliseconds);
  expect(await read()).toEqual([`${id} PENDING`]);
});

test('changes whose notifications are lost appear within two poll intervals', async () => {
  const { request, settle, read, clock } = open();
  const first = request();
  expect(await read()).toEqual([`${first} PENDING`]);
  const second = request();
  settle(first);
  await clock.advance(2 * pollMilliseconds);
  expect(await read()).toEqual([`${second} PENDING`, `${first} ALLOWED`]);
});

test('notifications that do not concern approvals cause no read', async () => {
  const { read, statements, announceOther } = open();
  await read();
  const before = statements();
  announceOther();
  await read();
  expect(statements()).toBe(before);
});
