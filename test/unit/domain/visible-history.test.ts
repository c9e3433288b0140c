import { describe, expect, test } from 'vitest';
import { branchPoint, clipSegments, segmentsOf, titleFrom, visibleUpTo } from '../../../src/domain/session.ts';
import {
  approvalRequest,
  callsRequested,
  context,
  inProgress,
  output,
  steered,
  tape,
  toolDecision,
  toolResult,
  toolStart,
} from './given.ts';

const lastTurn = 2 ** 31 - 1;
const root = { id: 'root', branch: null };
const child = { id: 'child', branch: { turn: 3, runId: 'run_3', seq: 7 } };

describe('the history that a session sees', () => {
  test('of a session that is not a branch is all of its turns', () => {
    expect(segmentsOf([root], 0)).toEqual([{ sessionId: 'root', fromTurn: 1, upToTurn: lastTurn, cut: null }]);
  });

  test('of a branch begins with its own turns, and includes its parent up to the branch', () => {
    expect(segmentsOf([child, root], 0)).toEqual([
      { sessionId: 'child', fromTurn: 4, upToTurn: lastTurn, cut: null },
      { sessionId: 'root', fromTurn: 1, upToTurn: 3, cut: { runId: 'run_3', seq: 7 } },
    ]);
  });

  test('of a branch at an inherited run does not include the turns of its parent', () => {
    const grandchild = { id: 'grandchild', branch: { turn: 2, runId: 'run_2', seq: 5 } };
    expect(segmentsOf([grandchild, child, root], 0)).toEqual([
      { sessionId: 'grandchild', fromTurn: 3, upToTurn: lastTurn, cut: null },
      { sessionId: 'root', fromTurn: 1, upToTurn: 2, cut: { runId: 'run_2', seq: 5 } },
    ]);
  });

  test('of a branch at the run where its parent branched ends at the earlier event', () => {
    const rootOf = (seq: number) =>
      segmentsOf([{ id: 'grandchild', branch: { turn: 3, runId: 'run_3', seq } }, child, root], 0).at(-1);
    expect(rootOf(6)).toMatchObject({ sessionId: 'root', cut: { seq: 6 } });
    expect(rootOf(8)).toMatchObject({ sessionId: 'root', cut: { seq: 7 } });
  });

  test('of a branch at a later run of its parent includes the parent up to that run', () => {
    const grandchild = { id: 'grandchild', branch: { turn: 5, runId: 'run_5', seq: 2 } };
    expect(segmentsOf([grandchild, child, root], 0).slice(1)).toEqual([
      { sessionId: 'child', fromTurn: 4, upToTurn: 5, cut: { runId: 'run_5', seq: 2 } },
      { sessionId: 'root', fromTurn: 1, upToTurn: 3, cut: { runId: 'run_3', seq: 7 } },
    ]);
  });

  test('begins after a reset', () => {
    expect(segmentsOf([root], 4)).toMatchObject([{ fromTurn: 5 }]);
    expect(segmentsOf([child, root], 2)).toMatchObject([{ fromTurn: 4 }, { fromTurn: 3, upToTurn: 3 }]);
    expect(segmentsOf([child, root], 3)).toMatchObject([{ sessionId: 'child', fromTurn: 4 }]);
    expect(segmentsOf([child, root], 6)).toMatchObject([{ sessionId: 'child', fromTurn: 7 }]);
  });
});

describe('how much of a run is visible', () => {
  const visible = (sessionId: string, turn: number, runId = `run_${turn}`) =>
    visibleUpTo(segmentsOf([child, root], 1), { sessionId, runId, turn });

  test('is everything inside a segment, and a part of the run at the branch', () => {
    expect(visible('child', 4)).toBeNull();
    expect(visible('root', 2)).toBeNull();
    expect(visible('root', 3)).toBe(7);
  });

  test('is nothing before a reset, after the branch, or in another session', () => {
    expect(visible('root', 1)).toBe(0);
    expect(visible('root', 4)).toBe(0);
    expect(visible('child', 3)).toBe(0);
    expect(visible('stranger', 2)).toBe(0);
  });
});

test('segments are limited to a range of turns, with both ends included', () => {
  const segments = segmentsOf([child, root], 0);
  const turns = (from: number, upTo: number) =>
    clipSegments(segments, from, upTo).map(({ sessionId, fromTurn, upToTurn }) => [sessionId, fromTurn, upToTurn]);
  expect(turns(1, 3)).toEqual([['root', 1, 3]]);
  expect(turns(2, 2)).toEqual([['root', 2, 2]]);
  expect(turns(3, 4)).toEqual([
    ['child', 4, 4],
    ['root', 3, 3],
  ]);
  expect(turns(4, 9)).toEqual([['child', 4, 9]]);
  expect(clipSegments(segments, 3, 3)).toMatchObject([{ cut: { runId: 'run_3', seq: 7 } }]);
});

describe('the event at which a branch begins', () => {
  const answered = tape(inProgress, context(1), output(1, { text: 'Yes.' }), steered('And?'), context(2));

  test('is a message or an answer without tool calls', () => {
    expect([1, 2, 4, 5, 6, 7].map((seq) => branchPoint(answered, seq))).toEqual([1, 1, 1, 5, 6, 6]);
    expect(branchPoint(answered, 99)).toBe(6);
  });

  test('is never between a call and its result', () => {
    const events = tape(
      callsRequested('a', 'b'),
      toolDecision('a', 'ASK'),
      approvalRequest('a'),
      steered('Hurry.'),
      toolStart('a'),
      toolResult('a'),
      toolResult('b'),
      context(2),
    );
    const last = events.length;
    const secondResult = last - 1;
    expect(branchPoint(events, secondResult - 1)).toBe(1);
    expect(branchPoint(events, secondResult)).toBe(secondResult);
    expect(branchPoint(events, last)).toBe(secondResult);
  });
});

describe('the title made of a long first line', () => {
  test('is cut in the middle of a word if the last blank is in its first half', () => {
    const firstHalf = `${'a'.repeat(40)} ${'b'.repeat(60)}`;
    expect(titleFrom(firstHalf)).toBe(`${firstHalf.slice(0, 79)}…`);
    const secondHalf = `${'a'.repeat(41)} ${'b'.repeat(60)}`;
    expect(titleFrom(secondHalf)).toBe(`${'a'.repeat(41)}…`);
  });

  test('has no blank before the ellipsis', () => {
    expect(titleFrom(`${'a'.repeat(60)}   ${'b'.repeat(60)}`)).toBe(`${'a'.repeat(60)}…`);
  });
});
