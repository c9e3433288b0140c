import { describe, expect, test } from 'vitest';
import { createIds } from '../../../src/ids.ts';
import { CursorError, formatCursor, parseCursor, seqOnTape } from '../../../src/streams/cursor.ts';

const newId = createIds(() => Date.UTC(2026, 0));
const runId = newId('run');
const encode = (text: string) => Buffer.from(text).toString('base64url');

/** The words of the CursorError that is thrown. */
function problemOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof CursorError) return error.message;
    throw error;
  }
  throw new Error('No CursorError.');
}

test.each([0, 1, 42, 9_999_999_999])('the position %i is found again', (seq) => {
  const cursor = formatCursor({ runId, seq });
  expect(cursor).toMatch(/^[\w-]+$/);
  expect(parseCursor(cursor)).toEqual({ runId, seq });
  expect(formatCursor({ runId, seq })).toBe(cursor);
});

test.each([0, 7, 4095, 4096, 9_999_999_999])('the position %i is written the same each time, and as a whole', (seq) => {
  const other = newId('run');
  for (const id of [runId, other, runId, 'run_short']) {
    expect(formatCursor({ runId: id, seq })).toBe(encode(`${id}/${seq}`));
  }
});

describe('B33: a cursor that is malformed is named', () => {
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
    expect(problemOf(() => parseCursor(cursor))).toBe(`The cursor "${cursor}" is malformed.`);
    expect(problemOf(() => seqOnTape(cursor, { runId, head: 5 }))).toBe(`The cursor "${cursor}" is malformed.`);
  });

  test('a very long one only by its beginning', () => {
    expect(problemOf(() => parseCursor('x'.repeat(100_000)))).toBe(`The cursor "${'x'.repeat(100)}" is malformed.`);
  });
});

test('B33: a cursor of another run is named, with both runs', () => {
  const other = newId('run');
  const cursor = formatCursor({ runId: other, seq: 1 });
  expect(problemOf(() => seqOnTape(cursor, { runId, head: 5 }))).toBe(
    `The cursor "${cursor}" is of run ${other}, not of ${runId}.`,
  );
});

test('B33: a cursor from the future is named, with what is newest', () => {
  const cursor = formatCursor({ runId, seq: 6 });
  expect(problemOf(() => seqOnTape(cursor, { runId, head: 5 }))).toBe(
    `The cursor "${cursor}" lies behind the newest event, which is 5.`,
  );
  expect(seqOnTape(formatCursor({ runId, seq: 5 }), { runId, head: 5 })).toBe(5);
  expect(seqOnTape(formatCursor({ runId, seq: 0 }), { runId, head: 0 })).toBe(0);
});
