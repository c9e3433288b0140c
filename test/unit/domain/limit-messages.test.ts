import { describe, expect, test } from 'vitest';
import { nextStep } from '../../../src/domain/next-step.ts';
import { activeMilliseconds } from '../../../src/domain/run.ts';
import type { RunLimits } from '../../../src/domain/run-limits.ts';
import { callsRequested, context, type Given, inProgress, limits, output, runOf, toolResult } from './given.ts';

const failureOf = (given: Given, changed: Partial<RunLimits> = {}, now = 0) =>
  nextStep(runOf(given), { ...limits, ...changed }, activeMilliseconds(runOf(given), now));
const failed = (code: string, message: string) => ({
  kind: 'transition',
  command: { kind: 'fail', error: { code, message, retryable: false } },
});
const spent: Given = [
  inProgress,
  context(1),
  output(1, { calls: ['a'], usage: { input: 6, output: 4, cost: 2 } }),
  toolResult('a'),
];

describe('a run that reaches a limit fails with the limit in its message', () => {
  test('of time', () => {
    const error = failed('DEADLINE', 'The run reached its time limit of 10 seconds.');
    expect(failureOf(inProgress, {}, 10_000)).toEqual(error);
    expect(failureOf(inProgress, {}, 9_999)).toEqual({ kind: 'call-model', step: 1 });
  });

  test('of model calls', () => {
    expect(failureOf(spent, { maxSteps: 1 })).toEqual(
      failed('STEP_LIMIT', 'The run reached its limit of 1 model calls.'),
    );
    expect(failureOf(spent, { maxSteps: 2 })).toEqual({ kind: 'call-model', step: 2 });
  });

  test('of tool calls', () => {
    const requested = callsRequested('a', 'b');
    expect(failureOf(requested, { maxToolCalls: 1 })).toEqual(
      failed('TOOL_LIMIT', 'The run exceeded its limit of 1 tool calls.'),
    );
    expect(failureOf(requested, { maxToolCalls: 2 })).toMatchObject({ kind: 'evaluate-policy' });
  });

  test('of tokens', () => {
    expect(failureOf(spent, { maxTokens: 10 })).toEqual(failed('BUDGET', 'The run reached its limit of 10 tokens.'));
    expect(failureOf(spent, { maxTokens: 11 })).toMatchObject({ kind: 'call-model' });
  });

  test('of cost', () => {
    expect(failureOf(spent, { maxCost: 2 })).toEqual(failed('BUDGET', 'The run reached its cost limit of 2.'));
    expect(failureOf(spent, { maxCost: 2.5 })).toMatchObject({ kind: 'call-model' });
    expect(failureOf(inProgress, { maxCost: 0 })).toEqual(failed('BUDGET', 'The run reached its cost limit of 0.'));
  });
});

test('an answer that the provider withheld fails the run with a reason', () => {
  const withheld = (text: string) => [inProgress, context(1), output(1, { text, finishReason: 'content-filter' })];
  expect(failureOf(withheld(''))).toEqual(failed('MODEL_REFUSED', 'The provider withheld the answer.'));
  expect(failureOf(withheld(' \n'))).toEqual(failed('MODEL_REFUSED', 'The provider withheld the answer.'));
  const refused = output(1, { finishReason: 'refusal', refusal: 'I cannot help with that.' });
  expect(failureOf([inProgress, context(1), refused])).toEqual(
    failed('MODEL_REFUSED', 'The model refused to answer: I cannot help with that.'),
  );
  expect(failureOf(withheld('Partly.'))).toEqual({ kind: 'transition', command: { kind: 'complete' } });
  expect(failureOf([inProgress, context(1), output(1)])).toEqual({
    kind: 'transition',
    command: { kind: 'complete' },
  });
});
