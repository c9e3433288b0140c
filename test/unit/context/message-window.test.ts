import { expect, test } from 'vitest';
import { newestThatFit, resultsToCut } from '../../../src/context/message-window.ts';
import { estimateMessages } from '../../../src/context/token-estimate.ts';
import { assistant, result, user } from './history-message.ts';

test('B17: what fits begins with a user message, and a call keeps its results', () => {
  const messages = [user(1), assistant(1, 2, 'a'), result(1, 3, 'a'), assistant(1, 4), user(2), assistant(2, 2)];
  expect(newestThatFit(messages, estimateMessages(messages))).toEqual(messages);
  expect(newestThatFit(messages, estimateMessages(messages) - 1)).toEqual(messages.slice(4));
  expect(newestThatFit(messages, 1)).toEqual([]);
});

test('the oldest results are cut first, and no more of them than necessary', () => {
  const messages = [user(1), assistant(1, 2, 'a', 'b'), result(1, 3, 'a', 4000), result(1, 4, 'b', 4000)];
  expect(resultsToCut(messages, estimateMessages(messages))).toEqual(new Set());
  expect(resultsToCut(messages, estimateMessages(messages) - 1)).toEqual(new Set(['a']));
  expect(resultsToCut(messages, 0)).toEqual(new Set(['a', 'b']));
});
