import { describe, expect, test } from 'vitest';
import { type NextStep, nextStep } from '../../../src/domain/next-step.ts';
import type { RunLimits } from '../../../src/domain/run-limits.ts';
import {
  answer,
  asking,
  awaiting,
  called,
  context,
  type Given,
  inProgress,
  limits,
  output,
  pending,
  question,
  resumption,
  runOf,
  status,
  steered,
  tapeTo,
  toolResult,
  toolStart,
  verdict,
} from './given.ts';

interface When {
  given: Given;
  now?: number;
  with?: Partial<RunLimits>;
}

const next = ({ given, now = 0, with: changed = {} }: When) => nextStep(runOf(given), { ...limits, ...changed }, now);

/** What is next in few words: its kind, and the calls, the step or the command. */
function wordsOf(step: NextStep): string {
  if ('calls' in step) return [step.kind, ...step.calls.map(({ callId }) => callId)].join(' ');
  if (step.kind === 'transition') {
    return step.command.kind === 'fail' ? `fail ${step.command.error.code}` : step.command.kind;
  }
  return step.kind === 'call-model' ? `call-model ${step.step}` : step.kind;
}

const words = (when: When) => wordsOf(next(when));
const allowed = (callId: string) => verdict(callId, 'ALLOW');
const answered = [inProgress, context(1), output(1, { text: 'Yes.' })];
/** Usage of one step that asked for a tool, whose result is there. */
const spent = (usage: { input?: number; output?: number; cost?: number }) => [
  inProgress,
  context(1),
  output(1, { calls: ['a'], usage }),
  toolResult('a'),
];

describe('the next step', () => {
  test.each<[string, string, Given]>([
    ['a queued run', 'start', pending],
    ['a run without a step', 'call-model 1', inProgress],
    ['an interrupted model call', 'call-model 1', [inProgress, context(1), resumption(1)]],
    ['an interrupted second call', 'call-model 2', [called('a'), toolResult('a'), context(2), resumption(2)]],
    ['calls that nobody judged', 'judge a b', called('a', 'b')],
    ['the rest of calls that nobody judged', 'judge b', [called('a', 'b'), allowed('a')]],
    ['allowed calls', 'execute a b', [called('a', 'b'), allowed('a'), allowed('b')]],
    [
      'a call that was denied and one allowed',
      'execute b',
      [called('a', 'b'), toolResult('a', { ok: false }), allowed('b')],
    ],
    ['a call that was started', 'recover a', [called('a', 'b'), allowed('a'), allowed('b'), toolStart('a')]],
    ['an asking call beside a started one', 'recover b', [asking('a', 'b'), toolStart('b')]],
    ['an asking call beside an allowed one', 'execute b', [asking('a', 'b'), answer('b', 'ALLOWED')]],
    [
      'an asking call beside a settled one',
      'requestApproval',
      [asking('a', 'b'), answer('b', 'DENIED'), toolResult('b')],
    ],
    ['nothing but asking calls', 'requestApproval', asking('a', 'b')],
    ['a started call that a person is asked about', 'requestApproval', [called('a'), toolStart('a'), question('a')]],
    ['a run that waits', 'wait', awaiting('a')],
    ['a run that waits for one of two', 'wait', [awaiting('a', 'b'), answer('a', 'ALLOWED')]],
    [
      'a run that was allowed to go on',
      'execute a',
      [awaiting('a'), answer('a', 'ALLOWED'), status('AWAITING_APPROVAL', 'IN_PROGRESS')],
    ],
    ['settled calls', 'call-model 2', [called('a'), toolResult('a')]],
    ['an answer', 'complete', answered],
    ['an answer that was cut', 'complete', [inProgress, context(1), output(1, { text: 'Ye', finishReason: 'length' })]],
    ['an empty answer', 'complete', [inProgress, context(1), output(1)]],
    [
      'an answer that came before a message',
      'call-model 2',
      [inProgress, context(1), steered('more'), output(1, { text: 'Yes.' })],
    ],
    ['an answer with a message behind it', 'call-model 2', [answered, steered('more')]],
    ['a run that is done', 'ended', tapeTo.DONE],
    ['a run that is cancelled', 'ended', tapeTo.CANCELLED],
    ['a run that failed', 'ended', tapeTo.FAILED],
  ])('of %s is: %s', (_name, expected, given) => {
    expect(words({ given })).toBe(expected);
  });

  test('an answer that the provider withheld is a refusal, unless something was said', () => {
    const filtered = (text: string) => [inProgress, context(1), output(1, { text, finishReason: 'content-filter' })];
    expect(words({ given: filtered('') })).toBe('fail MODEL_REFUSED');
    expect(words({ given: filtered('As I') })).toBe('complete');
  });
});

describe('B18: the limits of a run', () => {
  const steps = (count: number) =>
    Array.from({ length: count }, (_, index) => {
      const callId = `call_${index}`;
      return [context(index + 1), output(index + 1, { calls: [callId] }), toolResult(callId)];
    });

  test('B18: model calls', () => {
    expect(words({ given: [inProgress, steps(3)] })).toBe('call-model 4');
    expect(next({ given: [inProgress, steps(4)] })).toEqual({
      kind: 'transition',
      command: {
        kind: 'fail',
        error: { code: 'STEP_LIMIT', message: 'The run needed more than 4 model calls.', retryable: false },
      },
    });
  });

  test('B18: a model call that never answered is none', () => {
    expect(words({ given: [inProgress, steps(3), context(4), resumption(4)] })).toBe('call-model 4');
  });

  test('B18: tool calls, before any of those that are too many is judged', () => {
    const six = ['a', 'b', 'c', 'd', 'e', 'f'];
    expect(words({ given: called(...six) })).toBe('judge a b c d e f');
    expect(words({ given: called(...six, 'g') })).toBe('fail TOOL_LIMIT');
    expect(
      words({ given: [called('a', 'b'), toolResult('a'), toolResult('b'), context(2)], with: { maxToolCalls: 2 } }),
    ).toBe('call-model 2');
  });

  test('B18: time', () => {
    const given = [0, called('a'), verdict('a', 'ALLOW')];
    expect(words({ given, now: 9999 })).toBe('execute a');
    expect(words({ given, now: 10_000 })).toBe('fail DEADLINE');
    expect(words({ given: [0, inProgress], now: 10_000 })).toBe('fail DEADLINE');
    expect(words({ given: [0, asking('a')], now: 10_000 })).toBe('fail DEADLINE');
  });

  test('B18: time spent waiting for a person or being down does not count', () => {
    const waiting = [0, awaiting('a')];
    expect(words({ given: waiting, now: 900_000 })).toBe('wait');
    const resumed = [waiting, 900_000, answer('a', 'ALLOWED'), status('AWAITING_APPROVAL', 'IN_PROGRESS')];
    expect(words({ given: resumed, now: 909_999 })).toBe('execute a');
    expect(words({ given: resumed, now: 910_000 })).toBe('fail DEADLINE');
    const down = [0, inProgress, 4000, context(1), 900_000, resumption(1)];
    expect(words({ given: down, now: 905_999 })).toBe('call-model 1');
    expect(words({ given: down, now: 906_000 })).toBe('fail DEADLINE');
  });

  test('B18: time in the queue does not count', () => {
    const given = [0, pending, 900_000, status('PENDING', 'IN_PROGRESS')];
    expect(words({ given, now: 900_001 })).toBe('call-model 1');
  });

  test('B18: tokens, input and output together', () => {
    expect(words({ given: spent({ input: 600, output: 399 }) })).toBe('call-model 2');
    expect(words({ given: spent({ input: 600, output: 400 }) })).toBe('fail BUDGET');
  });

  test('B18: cost, where there is a bound', () => {
    expect(words({ given: spent({ cost: 2 }) })).toBe('call-model 2');
    expect(words({ given: spent({ cost: 1.5 }), with: { maxCost: 2 } })).toBe('call-model 2');
    expect(words({ given: spent({ cost: 2 }), with: { maxCost: 2 } })).toBe('fail BUDGET');
    expect(words({ given: spent({}), with: { maxCost: 2 } })).toBe('call-model 2');
  });

  test('B18: an answer that is complete is DONE, even at every limit', () => {
    const last = output(4, { text: 'Yes.', usage: { input: 1000, output: 1000, cost: 9 } });
    const given = [0, inProgress, steps(3), context(4), last];
    const tight = { maxToolCalls: 3, maxTokens: 10, maxCost: 1 };
    expect(words({ given, now: 900_000, with: tight })).toBe('complete');
  });

  test('B43: limits come before policy and people', () => {
    expect(words({ given: [0, called('a')], now: 10_000 })).toBe('fail DEADLINE');
    expect(words({ given: called('a', 'b'), with: { maxToolCalls: 1 } })).toBe('fail TOOL_LIMIT');
    // What the tool says would be shown to nobody.
    expect(words({ given: called('a'), with: { maxSteps: 1 } })).toBe('fail STEP_LIMIT');
    expect(words({ given: called('a'), with: { maxSteps: 2 } })).toContain('judge');
  });
});
