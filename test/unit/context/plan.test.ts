import { expect, test } from 'vitest';
import { coverable } from '../../../src/context/compaction/message-selection.ts';
import { cutOldestResults } from '../../../src/context/cut-results.ts';
import { newestThatFit, tokensOf } from '../../../src/context/message-window.ts';
import type { HistoryMessage } from '../../../src/context/history.ts';
import { createTokenMeter } from '../../../src/context/token-meter.ts';

const place = (turn: number, seq: number) => ({ runId: `run_${turn}`, turn, seq });
const user = (turn: number, seq = 1): HistoryMessage => ({ role: 'user', text: 'x'.repeat(40), ...place(turn, seq) });
const answer = (turn: number, seq: number, ...callIds: string[]): HistoryMessage => {
  const calls = callIds.map((callId) => ({ callId, tool: 'count', input: {} }));
  return { role: 'assistant', text: 'y'.repeat(40), calls, ...place(turn, seq) };
};
const result = (turn: number, seq: number, callId: string, length = 40): HistoryMessage => {
  return { role: 'tool', callId, tool: 'count', ok: true, text: 'z'.repeat(length), ...place(turn, seq) };
};
const all = { isEnd: true, kept: { tokens: 0 }, room: 1_000_000, ownRunId: null };

test('a summary stands for whole turns, and the last ones stay', () => {
  const turns = [1, 2, 3, 4].flatMap((turn) => [user(turn), answer(turn, 2)]);
  expect(coverable(turns, { ...all, kept: { turns: 2 } })).toEqual(turns.slice(0, 4));
  expect(coverable(turns, all)).toEqual(turns.slice(0, 6));
  expect(coverable(turns, { ...all, kept: { turns: 4 } })).toEqual([]);
  expect(coverable(turns, { ...all, room: tokensOf(turns.slice(0, 3)) })).toEqual(turns.slice(0, 2));
  expect(coverable([], all)).toEqual([]);
});

test('within the run under way it may end at any answer, with all of its results', () => {
  const own = [
    user(1),
    answer(1, 2, 'a', 'b'),
    result(1, 5, 'a'),
    result(1, 4, 'b'),
    answer(1, 6, 'c'),
    result(1, 7, 'c'),
  ];
  expect(coverable(own, { ...all, ownRunId: 'run_1' })).toEqual(own.slice(0, 4));
  expect(coverable(own, all)).toEqual([]);
});

test('it never ends where a steered message, shown later, was recorded before the end', () => {
  const steered = [user(1), answer(1, 8), user(1, 6), answer(1, 12), answer(1, 14)];
  expect(coverable(steered, { ...all, ownRunId: 'run_1' })).toEqual(steered.slice(0, 4));
  expect(coverable(steered.slice(0, 4), { ...all, ownRunId: 'run_1' })).toEqual(steered.slice(0, 3));
  expect(coverable(steered.slice(0, 3), { ...all, ownRunId: 'run_1' })).toEqual(steered.slice(0, 1));
});

test('B17: what fits begins with a person, and a call keeps its results', () => {
  const messages = [user(1), answer(1, 2, 'a'), result(1, 3, 'a'), answer(1, 4), user(2), answer(2, 2)];
  expect(newestThatFit(messages, tokensOf(messages))).toEqual(messages);
  expect(newestThatFit(messages, tokensOf(messages) - 1)).toEqual(messages.slice(4));
  expect(newestThatFit(messages, 1)).toEqual([]);
});

test('the oldest results are cut first, and no more of them than are needed', () => {
  const messages = [user(1), answer(1, 2, 'a', 'b'), result(1, 3, 'a', 4000), result(1, 4, 'b', 4000)];
  expect(cutOldestResults(messages, tokensOf(messages))).toEqual(new Set());
  expect(cutOldestResults(messages, tokensOf(messages) - 1)).toEqual(new Set(['a']));
  expect(cutOldestResults(messages, 0)).toEqual(new Set(['a', 'b']));
});

test('estimates follow what a model counts, within bounds, and short requests say nothing', () => {
  const meter = createTokenMeter();
  meter.observe('one', { estimated: 10, counted: 100 });
  expect(meter.ratio('one')).toBe(1);
  for (let times = 0; times < 30; times += 1) {
    meter.observe('one', { estimated: 1000, counted: 1500 });
    meter.observe('two', { estimated: 1000, counted: 100_000 });
  }
  expect(meter.ratio('one')).toBeCloseTo(1.5, 2);
  expect([meter.ratio('two') <= 3, meter.ratio('three')]).toEqual([true, 1]);
});
