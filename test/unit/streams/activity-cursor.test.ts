import { expect, test } from 'vitest';
import {
  CursorExpiredError,
  formatActivityCursor,
  positionInFeed,
} from '../../../src/streams/activity/activity-cursor.ts';
import { CursorError, formatCursor } from '../../../src/streams/cursor.ts';

const bounds = { prunedUpTo: 10, newest: 20 };
const approvalId = 'apr_01JD0000000000000000000000';

test('a cursor within the feed gives its position back', () => {
  for (const position of [10, 15, 20]) {
    expect(positionInFeed(formatActivityCursor(position), bounds)).toEqual({ position, approvalId: null });
    expect(positionInFeed(formatActivityCursor(position, approvalId), bounds)).toEqual({ position, approvalId });
  }
});

test('B65: a cursor before the retention period has expired', () => {
  expect(() => positionInFeed(formatActivityCursor(9), bounds)).toThrow(CursorExpiredError);
  expect(() => positionInFeed(formatActivityCursor(9), bounds)).toThrow(
    /older than the retention period. Read the lists/,
  );
});

test('B33: other cursors are refused with what is wrong', () => {
  expect(() => positionInFeed(formatActivityCursor(21), bounds)).toThrow('lies beyond the newest change');
  const malformed = [
    '',
    'x',
    formatCursor({ runId: 'run_01JD0000000000000000000000', seq: 3 }),
    `${formatActivityCursor(15)}A`,
    Buffer.from('activity/015').toString('base64url'),
    Buffer.from('activity/15/apr_1').toString('base64url'),
    Buffer.from('activity/15/run_01JD0000000000000000000000').toString('base64url'),
    Buffer.from(`activity/15/apr_${'U'.repeat(26)}`).toString('base64url'),
    Buffer.from('activity/NaN').toString('base64url'),
    Buffer.from(`activity/${'9'.repeat(16)}`).toString('base64url'),
    '\0',
  ];
  for (const cursor of malformed) {
    expect(() => positionInFeed(cursor, bounds)).toThrow(CursorError);
    expect(() => positionInFeed(cursor, bounds)).toThrow('is malformed or belongs to another list');
  }
});
