import { describe, expect, test } from 'vitest';
import { createIds } from '../../../src/ids.ts';
import { CursorError, formatCursor, parseCursor, seqOnTape } from '../../../src/streams/cursor.ts';

const newId = createIds(() => Date.UTC(2026, 0));
const runId = newId('run');
const encode = (text: string) => Buffer.from(text).toString('base64url');

/** The message of the CursorError that `work` throws. */
function messageOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (!(error instanceof CursorError)) throw error;
    expect(error.name).toBe('CursorError');
    return error.message;
  }
  throw new Error('No CursorError was thrown.');
}

test.each([0, 1, 42, 9_999_999_999])('the cursor of position %i can be parsed', (seq) => {
  const cursor = formatCursor({ runId, seq });
  expect(cursor).toMatch(/^[\w-]+$/);
  expect(parseCursor(cursor)).toEqual({ runId, seq });
  expect(formatCursor({ runId, seq })).toBe(cursor);
});

test.each([0, 7, 42, 512, 4096, 9_999_999_999])('the cursor of position %i is base64url', (seq) => {
  for (const id of [runId, newId('run'), newId('run')]) {
    expect(formatCursor({ runId: id, seq })).toBe(encode(`${id}/${seq}`));
  }
});

test('the format of cursors does not change, because clients keep them', () => {
  const cursor = 'cnVuXzAxS0RWRE5BMDAwMDAwMDAwMDAwMDAwMDAwLzQy';
  expect(parseCursor(cursor)).toEqual({ runId: 'run_01KDVDNA000000000000000000', seq: 42 });
  expect(formatCursor({ runId: 'run_01KDVDNA000000000000000000', seq: 42 })).toBe(cursor);
});

describe('B33: a malformed cursor is named', () => {
  test.each([
    '',
    'nonsense',
    '\0',
    'ünïcode 😀',
    runId,
    encode(runId),
    encode(`${runId}/`),
    encode(`${runId}/-1`),
    encode(`${runId}/01`),
    encode(`${runId}/1.5`),
    encode(`${runId}/1e3`),
    encode(`${runId}/99999999999`),
    encode(`${runId}/1\n`),
    encode(`${runId}/1/2`),
    encode(`${newId('session')}/1`),
    encode(`${runId.toLowerCase()}/1`),
    encode(`run_${'U'.repeat(26)}/1`),
    `${encode(`${runId}/1`)}=`,
    ` ${encode(`${runId}/1`)}`,
  ])('%j', (cursor) => {
    expect(messageOf(() => parseCursor(cursor))).toBe(`The cursor "${cursor}" is malformed.`);
    expect(messageOf(() => seqOnTape(cursor, { runId, head: 5 }))).toBe(`The cursor "${cursor}" is malformed.`);
  });

  test('a long one is cut off after 100 characters', () => {
    expect(messageOf(() => parseCursor('x'.repeat(100_000)))).toBe(`The cursor "${'x'.repeat(100)}" is malformed.`);
  });
});

test('B33: the message for a cursor of another run names both runs', () => {
  const other = newId('run');
  const cursor = formatCursor({ runId: other, seq: 1 });
  expect(messageOf(() => seqOnTape(cursor, { runId, head: 5 }))).toBe(
    `The cursor "${cursor}" belongs to run ${other}, not to ${runId}.`,
  );
});

test('B33: the message for a cursor beyond the newest event names that event', () => {
  const cursor = formatCursor({ runId, seq: 6 });
  expect(messageOf(() => seqOnTape(cursor, { runId, head: 5 }))).toBe(
    `The cursor "${cursor}" lies beyond the newest event, which has seq 5.`,
  );
  expect(seqOnTape(formatCursor({ runId, seq: 5 }), { runId, head: 5 })).toBe(5);
  expect(seqOnTape(formatCursor({ runId, seq: 0 }), { runId, head: 0 })).toBe(0);
});
