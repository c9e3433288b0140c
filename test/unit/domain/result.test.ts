import { describe, expect, test } from 'vitest';
import { nextStep } from '../../../src/domain/next-step.ts';
import { isResultRequest, parseResult, resultRequest } from '../../../src/domain/result.ts';
import {
  context,
  type Given,
  inProgress,
  limits,
  output,
  resumption,
  runOf,
  status,
  steered,
  tape,
  toolResult,
} from './given.ts';

const free = (step: number) => [
  context(step),
  output(step, { text: 'x', result: { problem: 'no JSON', asked: false } }),
];
const wrong = (step: number) => [
  context(step),
  output(step, { text: '{}', result: { problem: `p${step}`, asked: true } }),
];
const right = (step: number) => [context(step), output(step, { text: '{}', result: { problem: null, asked: true } })];

function next(...given: Given[]): string {
  const step = nextStep(runOf(inProgress, ...given), { ...limits, maxSteps: 10 }, 0);
  if (step.kind !== 'transition') return 'step' in step ? `${step.kind} ${step.step}` : step.kind;
  return step.command.kind === 'fail' ? step.command.error.code : step.command.kind;
}

describe('B73: after a final answer in a run with an output schema', () => {
  test.each<[string, string, Given]>([
    ['one that fits', 'complete', right(1)],
    ['a free one that does not', 'call-model 2', free(1)],
    ['a first one that was asked to fit', 'call-model 2', wrong(1)],
    ['one after the question for the form', 'call-model 3', [free(1), wrong(2)]],
    ['a first repair', 'call-model 4', [free(1), wrong(2), wrong(3)]],
    ['a second repair', 'RESULT_INVALID', [free(1), wrong(2), wrong(3), wrong(4)]],
    ['a second repair without a question for the form', 'RESULT_INVALID', [wrong(1), wrong(2), wrong(3)]],
    ['a repair that fits', 'complete', [free(1), wrong(2), wrong(3), right(4)]],
    ['an interrupted repair', 'call-model 3', [free(1), wrong(2), context(3), resumption(3)]],
    ['a message that followed', 'call-model 3', [wrong(1), wrong(2), steered('more')]],
    ['answers to a message that followed', 'call-model 5', [wrong(1), wrong(2), steered('more'), wrong(3), wrong(4)]],
  ])('%s leads to %s', (_name, expected, given) => {
    expect(next(given)).toBe(expected);
  });

  test('a call of a tool keeps what the model has to be told', () => {
    const called = [context(2), output(2, { calls: ['a'] }), toolResult('a')];
    expect(runOf(inProgress, wrong(1), called)).toMatchObject({ resultProblem: 'p1', invalidResults: 1 });
    expect(next(wrong(1), called)).toBe('call-model 3');
  });

  test('an answer that did not see a message is not compared', () => {
    const late = [context(1), steered('more'), output(1, { text: '{}', result: { problem: 'p', asked: true } })];
    expect(runOf(inProgress, late)).toMatchObject({ resultProblem: null, invalidResults: 0 });
    expect(next(late)).toBe('call-model 2');
  });

  test('the failure says why the last answer does not fit', () => {
    const run = runOf(inProgress, wrong(1), wrong(2), wrong(3));
    expect(nextStep(run, { ...limits, maxSteps: 10 }, 0)).toMatchObject({
      command: {
        error: {
          message: 'The answer does not fit the output schema, also after 2 attempts to repair it: p3',
          retryable: false,
        },
      },
    });
  });

  test('the limits of the run end it', () => {
    const run = runOf(inProgress, free(1));
    expect(nextStep(run, { ...limits, maxSteps: 1 }, 0)).toMatchObject({ command: { error: { code: 'STEP_LIMIT' } } });
    expect(nextStep(run, limits, 100_000)).toMatchObject({ command: { error: { code: 'DEADLINE' } } });
  });

  test('a run that is taken up after any event goes on like the one that was lost', () => {
    const events = tape(inProgress, free(1), wrong(2), wrong(3), right(4));
    const lost = { ...resumption(1), actor: 'SYSTEM' as const };
    for (let length = 3; length <= events.length; length += 1) {
      const prefix = events.slice(0, length).map(({ type, actor, payload }) => ({ type, actor, payload }) as Given);
      const [before, after] = [runOf(...prefix), runOf(...prefix, lost)];
      expect(nextStep(after, { ...limits, maxSteps: 10 }, 0)).toEqual(nextStep(before, { ...limits, maxSteps: 10 }, 0));
    }
  });

  test('only a DONE run whose answer fits has a result', () => {
    const done = status('IN_PROGRESS', 'DONE');
    expect(runOf(inProgress, right(1), done).state).toMatchObject({ hasResult: true });
    expect(runOf(inProgress, right(1), done).invalidResults).toBe(0);
    expect(runOf(inProgress, wrong(1), done).state).toMatchObject({ hasResult: false });
    expect(runOf(inProgress, context(1), output(1, { text: '{}' }), done).state).toMatchObject({ hasResult: false });
  });
});

describe('reading a result', () => {
  test('takes JSON, also in a code fence', () => {
    expect(parseResult(' {"a": 1}\n')).toEqual({ ok: true, value: { a: 1 } });
    expect(parseResult('```json\n[1]\n```')).toEqual({ ok: true, value: [1] });
    expect(parseResult('```\r\nnull\r\n```')).toEqual({ ok: true, value: null });
    expect(parseResult('\n```JSON \t\n{\n  "a": "b c"\n}\n``` \n')).toEqual({ ok: true, value: { a: 'b c' } });
    expect(parseResult('"text"')).toEqual({ ok: true, value: 'text' });
  });

  test.each([
    '',
    'text',
    'Here it is: {}',
    '{} {}',
    '```\n{}',
    'Here:\n```\n{}\n```',
    '```\n{}\n```\nDone.',
    '{"a": }',
  ])('refuses %j', (answer) => {
    expect(parseResult(answer)).toEqual({ ok: false, problem: expect.stringContaining('it is not JSON') });
  });

  test('refuses deep values', () => {
    const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
    expect(parseResult(deep(64)).ok).toBe(true);
    expect(parseResult(deep(66))).toEqual({ ok: false, problem: 'it is nested more than 64 levels deep' });
    expect(parseResult(deep(5000)).ok).toBe(false);
  });
});

test('the request for a result has the schema and the problem, and is recognised', () => {
  const text = resultRequest({ type: 'object' }, 'result/a must be string');
  expect(text).toBe(
    [
      'Write the result of this conversation as JSON. It must fit this JSON Schema:',
      '{"type":"object"}',
      'Your last answer does not fit: result/a must be string.',
      'Reply with the JSON alone, without an introduction, an explanation or a code fence.',
    ].join('\n'),
  );
  expect(isResultRequest(text)).toBe(true);
  expect(isResultRequest('Write the result.')).toBe(false);
});
