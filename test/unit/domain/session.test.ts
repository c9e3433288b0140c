import { describe, expect, test } from 'vitest';
import { branchPoint, segmentsOf, titleFrom, visibleUpTo } from '../../../src/domain/session.ts';
import { transcript } from '../../../src/domain/transcript.ts';
import {
  callsRequested,
  context,
  inProgress,
  output,
  runId,
  status,
  steered,
  tape,
  toolDecision,
  toolResult,
  toolStart,
} from './given.ts';

describe('B9: the title made of a first message', () => {
  test.each([
    ['Hello', 'Hello'],
    ['  Hello there \n and the rest', 'Hello there'],
    ['\n\nAfter empty lines', 'After empty lines'],
    ['One\r\nTwo', 'One'],
    [' \n\t ', ''],
    ['', ''],
  ])('of %j is %j', (text, title) => {
    expect(titleFrom(text)).toBe(title);
  });

  test('has at most 80 characters', () => {
    expect(titleFrom('x'.repeat(80))).toBe('x'.repeat(80));
    expect(titleFrom('x'.repeat(81))).toBe(`${'x'.repeat(79)}…`);
  });

  test('is cut at a word', () => {
    expect(titleFrom('word '.repeat(20))).toBe(`${'word '.repeat(15).trimEnd()}…`);
    expect(titleFrom(`${'a'.repeat(10)} ${'b'.repeat(100)}`)).toHaveLength(80);
  });

  test('does not split an emoji', () => {
    const title = titleFrom('😀'.repeat(100));
    expect([...title]).toHaveLength(80);
    expect(title.isWellFormed()).toBe(true);
  });
});

describe('B8: a branch', () => {
  /** The position at which a branch begins, for each seq that a client can name. */
  const pointsOf = (events: ReturnType<typeof tape>) => events.map(({ seq }) => branchPoint(events, seq));

  test('begins at the last message, answer or result that is not after the requested event', () => {
    const events = tape(inProgress, context(1), output(1, { text: 'Yes.' }), status('IN_PROGRESS', 'DONE'));
    // 1 is the input, 5 the answer.
    expect(pointsOf(events)).toEqual([1, 1, 1, 1, 5, 5]);
  });

  test('never begins between a call and its result', () => {
    const started = ['a', 'b'].map((callId) => [toolDecision(callId, 'ALLOW'), toolStart(callId)]);
    const results = [toolResult('b'), toolResult('a')];
    const events = tape(callsRequested('a', 'b'), started, results, context(2), output(2, { text: 'Done.' }));
    // 5 is the answer with two calls, 12 and 13 are their results, 15 is the final answer.
    expect(pointsOf(events)).toEqual([...Array(12).fill(1), 13, 13, 15]);
  });

  test('sees a steered message only if it begins at it or after it', () => {
    const events = tape(inProgress, context(1), output(1, { text: 'One.' }), steered('more'), context(2), output(2));
    // 5 is the first answer, 6 the steered message, 8 the second answer.
    expect(pointsOf(events)).toEqual([1, 1, 1, 1, 5, 6, 6, 8]);
    const textsAt = (seq: number) =>
      transcript(events.filter((event) => event.seq <= branchPoint(events, seq))).map(({ text }) => text);
    expect(textsAt(5)).toEqual(['hello', 'One.']);
    expect(textsAt(6)).toEqual(['hello', 'One.', 'more']);
  });

  test('begins before a steered message that was recorded between a call and its result', () => {
    const during = [toolDecision('a', 'ALLOW'), toolStart('a'), steered('more')];
    const events = tape(callsRequested('a'), during, toolResult('a'));
    // 9 is the steered message, 10 the result.
    expect(pointsOf(events)).toEqual([...Array(9).fill(1), 10]);
  });

  test('sees nothing after its position in the parent, and the whole of its own runs', () => {
    const segments = segmentsOf(
      [
        { id: 'ses_child', branch: { turn: 2, runId, seq: 5 } },
        { id: 'ses_parent', branch: null },
      ],
      0,
    );
    const seen = (sessionId: string, turn: number, of = runId) => visibleUpTo(segments, { sessionId, runId: of, turn });
    expect(seen('ses_parent', 1, 'run_0')).toBeNull();
    expect(seen('ses_parent', 2)).toBe(5);
    expect(seen('ses_parent', 3, 'run_2')).toBe(0);
    expect(seen('ses_child', 3, 'run_3')).toBeNull();
    expect(seen('ses_child', 2, 'run_3')).toBe(0);
    expect(seen('ses_other', 1, 'run_0')).toBe(0);
  });
});
