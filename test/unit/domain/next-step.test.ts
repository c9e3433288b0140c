import { describe, expect, test } from 'vitest';
import { type NextStep, nextStep } from '../../../src/domain/next-step.ts';
import { activeMilliseconds } from '../../../src/domain/run.ts';
import type { RunLimits } from '../../../src/domain/run-limits.ts';
import {
  approvalDecision,
  approvalRequest,
  approvalsRequested,
  awaitingApproval,
  callsRequested,
  context,
  type Given,
  inProgress,
  limits,
  output,
  pending,
  resumption,
  runOf,
  status,
  steered,
  tapeTo,
  toolDecision,
  toolResult,
  toolStart,
} from './given.ts';

interface When {
  given: Given;
  now?: number;
  with?: Partial<RunLimits>;
}

const next = ({ given, now = 0, with: changed = {} }: When) =>
  nextStep(runOf(given), { ...limits, ...changed }, activeMilliseconds(runOf(given), now));

/** A short text: the kind of the step with its calls, its number or its command. */
function summaryOf(step: NextStep): string {
  if ('calls' in step) return [step.kind, ...step.calls.map(({ callId }) => callId)].join(' ');
  if (step.kind === 'transition') {
    return step.command.kind === 'fail' ? `fail ${step.command.error.code}` : step.command.kind;
  }
  return step.kind === 'call-model' ? `call-model ${step.step}` : step.kind;
}

const summary = (when: When) => summaryOf(next(when));
const allowed = (callId: string) => toolDecision(callId, 'ALLOW');
const answered = [inProgress, context(1), output(1, { text: 'Yes.' })];
/** One step with this usage, whose tool call has its result. */
const spent = (usage: { input?: number; output?: number; cost?: number }) => [
  inProgress,
  context(1),
  output(1, { calls: ['a'], usage }),
  toolResult('a'),
];

describe('the next step', () => {
  test.each<[string, string, Given]>([
    ['a pending run', 'start', pending],
    ['a run without a step', 'call-model 1', inProgress],
    ['an interrupted model call', 'call-model 1', [inProgress, context(1), resumption(1)]],
    ['an interrupted second call', 'call-model 2', [callsRequested('a'), toolResult('a'), context(2), resumption(2)]],
    ['requested calls', 'evaluate-policy a b', callsRequested('a', 'b')],
    ['a requested call beside an allowed one', 'evaluate-policy b', [callsRequested('a', 'b'), allowed('a')]],
    ['allowed calls', 'execute a b', [callsRequested('a', 'b'), allowed('a'), allowed('b')]],
    [
      'an allowed call beside a denied one',
      'execute b',
      [callsRequested('a', 'b'), toolResult('a', { ok: false }), allowed('b')],
    ],
    [
      'a started call beside an allowed one',
      'recover a',
      [callsRequested('a', 'b'), allowed('a'), allowed('b'), toolStart('a')],
    ],
    ['a waiting call beside a started one', 'recover b', [approvalsRequested('a', 'b'), toolStart('b')]],
    [
      'a waiting call beside an allowed one',
      'execute b',
      [approvalsRequested('a', 'b'), approvalDecision('b', 'ALLOWED')],
    ],
    [
      'a waiting call beside a settled one',
      'requestApproval',
      [approvalsRequested('a', 'b'), approvalDecision('b', 'DENIED'), toolResult('b')],
    ],
    ['only waiting calls', 'requestApproval', approvalsRequested('a', 'b')],
    [
      'a started call whose approval is open',
      'requestApproval',
      [callsRequested('a'), toolStart('a'), approvalRequest('a')],
    ],
    ['a run that waits', 'wait', awaitingApproval('a')],
    [
      'a run that waits for the second of two approvals',
      'wait',
      [awaitingApproval('a', 'b'), approvalDecision('a', 'ALLOWED')],
    ],
    [
      'a run that was resumed',
      'execute a',
      [awaitingApproval('a'), approvalDecision('a', 'ALLOWED'), status('AWAITING_APPROVAL', 'IN_PROGRESS')],
    ],
    ['settled calls', 'call-model 2', [callsRequested('a'), toolResult('a')]],
    ['an answer', 'complete', answered],
    ['a truncated answer', 'complete', [inProgress, context(1), output(1, { text: 'Ye', finishReason: 'length' })]],
    ['an empty answer', 'complete', [inProgress, context(1), output(1)]],
    [
      'an answer that did not see a message',
      'call-model 2',
      [inProgress, context(1), steered('more'), output(1, { text: 'Yes.' })],
    ],
    ['an answer followed by a message', 'call-model 2', [answered, steered('more')]],
    ['a DONE run', 'ended', tapeTo.DONE],
    ['a CANCELLED run', 'ended', tapeTo.CANCELLED],
    ['a FAILED run', 'ended', tapeTo.FAILED],
  ])('of %s is %s', (_name, expected, given) => {
    expect(summary({ given })).toBe(expected);
  });

  test('an answer that the provider withheld fails the run, unless it has text', () => {
    const filtered = (text: string) => [inProgress, context(1), output(1, { text, finishReason: 'content-filter' })];
    expect(summary({ given: filtered('') })).toBe('fail MODEL_REFUSED');
    expect(summary({ given: filtered('As I') })).toBe('complete');
  });
});

describe('B18: the limits of a run', () => {
  const steps = (count: number) =>
    Array.from({ length: count }, (_, index) => {
      const callId = `call_${index}`;
      return [context(index + 1), output(index + 1, { calls: [callId] }), toolResult(callId)];
    });

  test('B18: limit model calls', () => {
    expect(summary({ given: [inProgress, steps(3)] })).toBe('call-model 4');
    expect(next({ given: [inProgress, steps(4)] })).toEqual({
      kind: 'transition',
      command: {
        kind: 'fail',
        error: { code: 'STEP_LIMIT', message: 'The run reached its limit of 4 model calls.', retryable: false },
      },
    });
  });

  test('B18: do not count a model call without an answer', () => {
    expect(summary({ given: [inProgress, steps(3), context(4), resumption(4)] })).toBe('call-model 4');
  });

  test('B18: limit tool calls, before the policy is evaluated for them', () => {
    const six = ['a', 'b', 'c', 'd', 'e', 'f'];
    expect(summary({ given: callsRequested(...six) })).toBe('evaluate-policy a b c d e f');
    expect(summary({ given: callsRequested(...six, 'g') })).toBe('fail TOOL_LIMIT');
    expect(
      summary({
        given: [callsRequested('a', 'b'), toolResult('a'), toolResult('b'), context(2)],
        with: { maxToolCalls: 2 },
      }),
    ).toBe('call-model 2');
  });

  test('B18: limit time', () => {
    const given = [0, callsRequested('a'), toolDecision('a', 'ALLOW')];
    expect(summary({ given, now: 9999 })).toBe('execute a');
    expect(summary({ given, now: 10_000 })).toBe('fail DEADLINE');
    expect(summary({ given: [0, inProgress], now: 10_000 })).toBe('fail DEADLINE');
    expect(summary({ given: [0, approvalsRequested('a')], now: 10_000 })).toBe('fail DEADLINE');
  });

  test('B18: do not count time spent waiting for approvals or downtime', () => {
    const waiting = [0, awaitingApproval('a')];
    expect(summary({ given: waiting, now: 900_000 })).toBe('wait');
    const resumed = [waiting, 900_000, approvalDecision('a', 'ALLOWED'), status('AWAITING_APPROVAL', 'IN_PROGRESS')];
    expect(summary({ given: resumed, now: 909_999 })).toBe('execute a');
    expect(summary({ given: resumed, now: 910_000 })).toBe('fail DEADLINE');
    const down = [0, inProgress, 4000, context(1), 900_000, resumption(1)];
    expect(summary({ given: down, now: 905_999 })).toBe('call-model 1');
    expect(summary({ given: down, now: 906_000 })).toBe('fail DEADLINE');
  });

  test('B18: do not count time before the start', () => {
    const given = [0, pending, 900_000, status('PENDING', 'IN_PROGRESS')];
    expect(summary({ given, now: 900_001 })).toBe('call-model 1');
  });

  test('B18: limit input and output tokens together', () => {
    expect(summary({ given: spent({ input: 600, output: 399 }) })).toBe('call-model 2');
    expect(summary({ given: spent({ input: 600, output: 400 }) })).toBe('fail BUDGET');
  });

  test('B18: limit the cost, if configured', () => {
    expect(summary({ given: spent({ cost: 2 }) })).toBe('call-model 2');
    expect(summary({ given: spent({ cost: 1.5 }), with: { maxCost: 2 } })).toBe('call-model 2');
    expect(summary({ given: spent({ cost: 2 }), with: { maxCost: 2 } })).toBe('fail BUDGET');
    expect(summary({ given: spent({}), with: { maxCost: 2 } })).toBe('call-model 2');
  });

  test('B18: do not fail a run that has its final answer', () => {
    const last = output(4, { text: 'Yes.', usage: { input: 1000, output: 1000, cost: 9 } });
    const given = [0, inProgress, steps(3), context(4), last];
    const tight = { maxToolCalls: 3, maxTokens: 10, maxCost: 1 };
    expect(summary({ given, now: 900_000, with: tight })).toBe('complete');
  });

  test('B43: are checked before policy and approvals', () => {
    expect(summary({ given: [0, callsRequested('a')], now: 10_000 })).toBe('fail DEADLINE');
    expect(summary({ given: callsRequested('a', 'b'), with: { maxToolCalls: 1 } })).toBe('fail TOOL_LIMIT');
    // No model call could read the result.
    expect(summary({ given: callsRequested('a'), with: { maxSteps: 1 } })).toBe('fail STEP_LIMIT');
    expect(summary({ given: callsRequested('a'), with: { maxSteps: 2 } })).toContain('evaluate-policy');
  });
});
