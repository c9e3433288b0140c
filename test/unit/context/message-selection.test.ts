import { expect, test } from 'vitest';
import { selectMessages } from '../../../src/context/compaction/message-selection.ts';
import { estimateMessages } from '../../../src/context/token-estimate.ts';
import { assistant, result, user } from './history-message.ts';

const all = { isEnd: true, verbatim: { tokens: 0 }, room: 1_000_000, currentRunId: null };

test('a summary replaces whole turns, and the last ones stay verbatim', () => {
  const turns = [1, 2, 3, 4].flatMap((turn) => [user(turn), assistant(turn, 2)]);
  expect(selectMessages(turns, { ...all, verbatim: { turns: 2 } })).toEqual(turns.slice(0, 4));
  expect(selectMessages(turns, all)).toEqual(turns.slice(0, 6));
  expect(selectMessages(turns, { ...all, verbatim: { turns: 4 } })).toEqual([]);
  expect(selectMessages(turns, { ...all, room: estimateMessages(turns.slice(0, 3)) })).toEqual(turns.slice(0, 2));
  expect(selectMessages([], all)).toEqual([]);
});

test('within the current run it may end after any assistant message with all of its results', () => {
  const messages = [
    user(1),
    assistant(1, 2, 'a', 'b'),
    result(1, 5, 'a'),
    result(1, 4, 'b'),
    assistant(1, 6, 'c'),
    result(1, 7, 'c'),
  ];
  expect(selectMessages(messages, { ...all, currentRunId: 'run_1' })).toEqual(messages.slice(0, 4));
  expect(selectMessages(messages, all)).toEqual([]);
});

test('it never ends where a steered message is shown later, but was recorded before the end', () => {
  const steered = [user(1), assistant(1, 8), user(1, 6), assistant(1, 12), assistant(1, 14)];
  const options = { ...all, currentRunId: 'run_1' };
  expect(selectMessages(steered, options)).toEqual(steered.slice(0, 4));
  expect(selectMessages(steered.slice(0, 4), options)).toEqual(steered.slice(0, 3));
  expect(selectMessages(steered.slice(0, 3), options)).toEqual(steered.slice(0, 1));
});
