import { describe, expect, test } from 'vitest';
import { type ApprovalVerdict, decide, type RunCommand } from '../../../src/domain/decide.ts';
import type { Json, NewEvent } from '../../../src/domain/events.ts';
import { failedResult } from '../../../src/domain/failed-result.ts';
import type { Metadata } from '../../../src/domain/metadata.ts';
import { nextStep } from '../../../src/domain/next-step.ts';
import { foldOn } from '../../../src/domain/run.ts';
import { waitingCalls } from '../../../src/domain/step.ts';
import {
  approvalDecision,
  approvalRequest,
  approvalsRequested,
  awaitingApproval,
  callsRequested,
  context,
  eventsOf,
  expiry,
  failure,
  type Given,
  inProgress,
  limits,
  origin,
  output,
  refusalOf,
  resumption,
  runId,
  runOf,
  status,
  steered,
  tapeTo,
  toolDecision,
  toolProgress,
  toolResult,
  toolStart,
} from './given.ts';

type Allow = Extract<ApprovalVerdict, { decision: 'ALLOW' }>;

const allow = (callId: string, more: Partial<Allow> = {}): RunCommand => ({
  kind: 'decideApproval',
  approvalId: `apr_${callId}`,
  verdict: { decision: 'ALLOW', by: 'ada', scope: 'ONCE', grant: null, editedInput: null, reason: null, ...more },
});
const deny = (callId: string, reason: string | null = null): RunCommand => ({
  kind: 'decideApproval',
  approvalId: `apr_${callId}`,
  verdict: { decision: 'DENY', by: 'ada', reason },
});
const expire = (callId: string, onExpiry: 'deny' | 'fail' = 'deny'): RunCommand => ({
  kind: 'expireWait',
  waitId: `apr_${callId}`,
  onExpiry,
});

const when = (given: Given, command: RunCommand, now = 0) => eventsOf(decide(runOf(given), command, now));
const refused = (given: Given, command: RunCommand, now = 0) => refusalOf(decide(runOf(given), command, now));
const leadsTo = (given: Given, command: RunCommand) => {
  const run = foldOn(runOf(given), { runId, now: 0, epoch: null }, when(given, command));
  if (run === null) throw new Error('The events do not begin a run.');
  return run;
};

/** One short text for each event: its type, the decision, or the transition. */
const summaries = (events: NewEvent[]) =>
  events.map((event) => {
    if (event.type === 'approval_decision') return `${event.payload.callId} ${event.payload.status}`;
    if (event.type === 'status') return `${event.payload.from} to ${event.payload.to}`;
    return event.type;
  });

describe('sending and steering', () => {
  test('B11: a message creates a run with an input and a status null to PENDING', () => {
    const command: RunCommand = { kind: 'send', text: 'hello', idempotencyKey: 'k', origin };
    const events = eventsOf(decide(null, command, 0));
    expect(events).toMatchObject([
      { type: 'input', actor: 'USER', payload: { text: 'hello', steered: false, idempotencyKey: 'k', origin } },
      { type: 'status', actor: 'USER', payload: { from: null, to: 'PENDING' } },
    ]);
    expect(events).toHaveLength(2);
    expect(refused(tapeTo.PENDING, command)).toMatchObject({ kind: 'conflict' });
  });

  test('a message has its metadata; one without has no such member', () => {
    const payloadOf = (metadata?: Metadata) =>
      eventsOf(decide(null, { kind: 'send', text: 'x', idempotencyKey: null, origin, metadata }, 0))[0]?.payload;
    expect(payloadOf({ ticket: '7' })).toHaveProperty('metadata', { ticket: '7' });
    expect(payloadOf({})).not.toHaveProperty('metadata');
    expect(payloadOf()).not.toHaveProperty('metadata');
  });

  test('every other command is refused without a run', () => {
    const commands: RunCommand[] = [
      allow('a'),
      deny('a'),
      expire('a'),
      { kind: 'start', turn: 1 },
      { kind: 'record', events: [context(1)] },
      { kind: 'requestApproval' },
      { kind: 'complete' },
      { kind: 'fail', error: failure },
      { kind: 'cancel', reason: null },
      { kind: 'steer', text: 'more', idempotencyKey: null },
    ];
    for (const command of commands) {
      expect(refusalOf(decide(null, command, 0))).toMatchObject({
        kind: 'not-found',
        message: 'The run does not exist.',
      });
    }
  });

  test('B15: a run that has not ended accepts a steered message', () => {
    const command: RunCommand = { kind: 'steer', text: 'more', idempotencyKey: 'k' };
    for (const state of ['PENDING', 'IN_PROGRESS', 'AWAITING_APPROVAL'] as const) {
      expect(when(tapeTo[state], command)).toEqual([
        { type: 'input', actor: 'USER', payload: { text: 'more', steered: true, idempotencyKey: 'k', origin: null } },
      ]);
    }
  });

  test('B15: a run that has ended refuses a steered message', () => {
    for (const state of ['DONE', 'FAILED', 'CANCELLED'] as const) {
      expect(refused(tapeTo[state], { kind: 'steer', text: 'more', idempotencyKey: null })).toMatchObject({
        kind: 'invalid-transition',
        state,
        command: 'steer',
      });
    }
  });

  test('an executor can record only while the run is IN_PROGRESS', () => {
    expect(when(inProgress, { kind: 'record', events: [context(1)] })).toEqual([context(1)]);
    for (const state of ['PENDING', 'AWAITING_APPROVAL', 'DONE', 'FAILED', 'CANCELLED'] as const) {
      expect(refused(tapeTo[state], { kind: 'record', events: [context(1)] })).toMatchObject({
        state,
        command: 'record',
      });
    }
  });
});

describe('the progress of a tool', () => {
  const { payload } = toolProgress('a');
  const report: RunCommand = { kind: 'report', payload };

  test('is recorded while its call is running', () => {
    expect(when([callsRequested('a', 'b'), toolStart('a'), toolStart('b')], report)).toEqual([
      { type: 'tool_progress', actor: 'TOOL', payload },
    ]);
  });

  test.each<[string, Given]>([
    ['before the call starts', callsRequested('a')],
    ['after its result', [callsRequested('a', 'b'), toolStart('a'), toolStart('b'), toolResult('a')]],
    ['if the tape lacks the call', [callsRequested('b'), toolStart('b')]],
    ['while an approval of its unknown outcome is open', [callsRequested('a'), toolStart('a'), approvalRequest('a')]],
    ['in the next step', [callsRequested('a'), toolStart('a'), toolResult('a'), context(2)]],
  ])('is dropped %s', (_name, given) => {
    expect(when(given, report)).toEqual([]);
  });

  test('is refused after the run was cancelled', () => {
    const cancelled = [callsRequested('a'), toolStart('a'), status('IN_PROGRESS', 'CANCELLED')];
    expect(refused(cancelled, report)).toMatchObject({ kind: 'invalid-transition', command: 'report' });
  });
});

describe('B36: an approval', () => {
  test('B36: the last decision resumes the run', () => {
    expect(summaries(when(awaitingApproval('a'), allow('a')))).toEqual([
      'a ALLOWED',
      'AWAITING_APPROVAL to IN_PROGRESS',
    ]);
    const rest = [awaitingApproval('a', 'b'), approvalDecision('a', 'ALLOWED')];
    expect(summaries(when(rest, allow('b')))).toEqual(['b ALLOWED', 'AWAITING_APPROVAL to IN_PROGRESS']);
  });

  test('B41: an earlier decision does not', () => {
    expect(summaries(when(awaitingApproval('a', 'b'), allow('a')))).toEqual(['a ALLOWED']);
    expect(summaries(when(awaitingApproval('a', 'b'), deny('a')))).toEqual(['a DENIED', 'tool_result']);
    expect(summaries(when(awaitingApproval('a', 'b'), expire('b')))).toEqual(['b EXPIRED', 'tool_result']);
    expect(leadsTo(awaitingApproval('a', 'b'), allow('a')).state.status).toBe('AWAITING_APPROVAL');
  });

  test('B41: does not change the status while other calls are running', () => {
    const given = [approvalsRequested('a', 'b'), toolStart('b')];
    expect(summaries(when(given, allow('a')))).toEqual(['a ALLOWED']);
    expect(summaries(when(given, deny('a')))).toEqual(['a DENIED', 'tool_result']);
    expect(leadsTo(given, allow('a')).state.status).toBe('IN_PROGRESS');
  });

  test('B36: a denied call is not executed and gets a result that says why', () => {
    const [, result] = when(awaitingApproval('a'), deny('a', 'Too risky.'));
    expect(result).toEqual(failedResult({ callId: 'a', tool: 'tool_a' }, 'A person denied this call: Too risky.'));
    expect(when(awaitingApproval('a'), deny('a'))[1]).toMatchObject({
      payload: { ok: false, output: null, error: 'A person denied this call.' },
    });
    expect(nextStep(leadsTo(awaitingApproval('a'), deny('a')), limits, 0)).toEqual({ kind: 'call-model', step: 2 });
  });

  test('is replaced when the tool has changed: withdrawn by the system, and requested again', () => {
    const next = approvalRequest('a', { approvalId: 'apr_next', definitionHash: 'v2' });
    const replace = (...events: NewEvent[]): RunCommand => ({
      kind: 'replaceApproval',
      approvalId: 'apr_a',
      reason: 'Changed.',
      events,
    });
    const events = when(awaitingApproval('a', 'b'), replace(toolDecision('a', 'ASK'), next));
    expect(events).toMatchObject([
      { actor: 'SYSTEM', payload: { approvalId: 'apr_a', status: 'WITHDRAWN', reason: 'Changed.', decidedBy: null } },
      { type: 'tool_decision' },
      next,
    ]);
    const run = leadsTo(awaitingApproval('a', 'b'), replace(next));
    expect(run.state.status).toBe('AWAITING_APPROVAL');
    expect(waitingCalls(run.step)).toMatchObject([
      { callId: 'a', definitionHash: 'v2', approvalRequests: 2, isApproved: false, phase: { approvalId: 'apr_next' } },
      { callId: 'b', approvalRequests: 1 },
    ]);
    // A call that gets a result instead no longer waits.
    const result = failedResult({ callId: 'a', tool: 'tool_a' }, 'No.');
    expect(leadsTo(awaitingApproval('a'), replace(next)).state.status).toBe('AWAITING_APPROVAL');
    expect(leadsTo(awaitingApproval('a'), replace(result)).state.status).toBe('IN_PROGRESS');
    expect(leadsTo(awaitingApproval('a'), replace(toolDecision('a', 'DENY'), result)).state.status).toBe('IN_PROGRESS');
    expect(leadsTo(awaitingApproval('a', 'b'), replace(result)).state.status).toBe('AWAITING_APPROVAL');
    const settled = [awaitingApproval('a', 'b'), approvalDecision('a', 'ALLOWED')];
    expect(refused(settled, replace(next))).toMatchObject({ kind: 'approval-settled' });
  });

  test('B48: about a call that was interrupted, tells the model that it may have run already', () => {
    const interrupted = [
      callsRequested('a'),
      toolDecision('a', 'ALLOW'),
      toolStart('a'),
      resumption(1),
      approvalRequest('a', { why: 'unknown_outcome' }),
      status('IN_PROGRESS', 'AWAITING_APPROVAL'),
    ];
    const resultOf = (command: RunCommand) => when(interrupted, command).find(({ type }) => type === 'tool_result');
    expect(resultOf(deny('a'))).toMatchObject({
      payload: { ok: false, error: 'It may have run already; a person declined to repeat it.', mayHaveRun: true },
    });
    expect(resultOf(deny('a', 'Once is enough.'))).toMatchObject({
      payload: { error: 'It may have run already; a person declined to repeat it: Once is enough.', mayHaveRun: true },
    });
    expect(resultOf(expire('a'))).toMatchObject({
      payload: { error: 'It may have run already; nobody decided in time whether to repeat it.', mayHaveRun: true },
    });
    expect(when(awaitingApproval('a'), deny('a'))[1]).toMatchObject({
      payload: { error: 'A person denied this call.', mayHaveRun: false },
    });
  });

  test('B36: records who decided, the scope and the reason', () => {
    const grant = { grantId: 'grt_1', expiresAt: 77, target: 'GET https://example.com' };
    const [decision] = when(awaitingApproval('a'), allow('a', { scope: 'TIMEBOXED', grant, reason: 'Fine.' }));
    expect(decision).toEqual({
      type: 'approval_decision',
      actor: 'USER',
      payload: {
        callId: 'a',
        approvalId: 'apr_a',
        status: 'ALLOWED',
        scope: 'TIMEBOXED',
        decidedBy: 'ada',
        reason: 'Fine.',
        editedInput: null,
        grantId: 'grt_1',
        grantExpiresAt: 77,
        grantTarget: 'GET https://example.com',
      },
    });
    expect(when(awaitingApproval('a'), deny('a', 'No.'))[0]?.payload).toMatchObject({
      status: 'DENIED',
      scope: null,
      decidedBy: 'ada',
      reason: 'No.',
      grantId: null,
    });
  });

  test("B42: an edited input is recorded beside the model's, and is executed", () => {
    const editedInput: Json = { path: '/safe' };
    const command = allow('a', { editedInput });
    expect(when(awaitingApproval('a'), command)[0]?.payload).toMatchObject({ editedInput });
    expect(nextStep(leadsTo(awaitingApproval('a'), command), limits, 0)).toMatchObject({
      kind: 'execute',
      calls: [{ callId: 'a', input: editedInput }],
    });
  });

  test('B37: can be settled only once', () => {
    for (const status of ['ALLOWED', 'DENIED', 'EXPIRED', 'WITHDRAWN'] as const) {
      const settled = [awaitingApproval('a', 'b'), approvalDecision('a', status)];
      for (const command of [allow('a'), deny('a')]) {
        expect(refused(settled, command)).toMatchObject({ kind: 'approval-settled', approvalId: 'apr_a' });
      }
      for (const command of [expire('a'), expire('a', 'fail')]) {
        expect(refused(settled, command)).toMatchObject({ kind: 'wait-settled', waitId: 'apr_a' });
      }
    }
  });

  test('that was not requested cannot be decided', () => {
    for (const given of [
      inProgress,
      callsRequested('a'),
      [callsRequested('a'), toolDecision('a', 'ALLOW')],
      awaitingApproval('b'),
    ]) {
      for (const command of [allow('a'), deny('a')]) expect(refused(given, command).kind).toBe('approval-settled');
      expect(refused(given, expire('a')).kind).toBe('wait-settled');
    }
  });
});

describe('B40: the expiry of an approval', () => {
  test('B40: counts as a denial, and resumes the run', () => {
    const events = when(awaitingApproval('a'), expire('a'), expiry);
    expect(summaries(events)).toEqual(['a EXPIRED', 'tool_result', 'AWAITING_APPROVAL to IN_PROGRESS']);
    expect(events[0]).toMatchObject({ actor: 'SYSTEM', payload: { decidedBy: null } });
    expect(events[1]?.payload).toMatchObject({ ok: false, error: 'The approval of this call expired.' });
  });

  test('B40: or fails the run and withdraws the other approvals', () => {
    const events = when(awaitingApproval('a', 'b', 'c'), expire('b', 'fail'), expiry);
    expect(summaries(events)).toEqual(['b EXPIRED', 'a WITHDRAWN', 'c WITHDRAWN', 'AWAITING_APPROVAL to FAILED']);
    expect(events.at(-1)?.payload).toMatchObject({ error: { code: 'APPROVAL_TIMEOUT', retryable: true } });
    expect(summaries(when([approvalsRequested('a', 'b'), toolStart('b')], expire('a', 'fail')))).toEqual([
      'a EXPIRED',
      'IN_PROGRESS to FAILED',
    ]);
  });

  test('B40: an expired approval cannot be decided, before and after the expiry is recorded', () => {
    for (const command of [allow('a'), deny('a')]) {
      expect(when(awaitingApproval('a'), command, expiry - 1)[0]?.type).toBe('approval_decision');
      expect(refused(awaitingApproval('a'), command, expiry).kind).toBe('approval-settled');
      expect(refused([awaitingApproval('a', 'b'), approvalDecision('a', 'EXPIRED')], command, expiry).kind).toBe(
        'approval-settled',
      );
    }
  });
});

describe('ending a run', () => {
  const ends: [string, RunCommand, string][] = [
    ['cancel', { kind: 'cancel', reason: 'Enough.' }, 'CANCELLED'],
    ['fail', { kind: 'fail', error: failure }, 'FAILED'],
  ];

  test.each(ends)('B47: %s withdraws every open approval, in the same decision', (_name, command, to) => {
    const given = [awaitingApproval('a', 'b', 'c'), approvalDecision('b', 'ALLOWED')];
    expect(summaries(when(given, command))).toEqual(['a WITHDRAWN', 'c WITHDRAWN', `AWAITING_APPROVAL to ${to}`]);
    expect(summaries(when(approvalsRequested('a'), command))).toEqual(['a WITHDRAWN', `IN_PROGRESS to ${to}`]);
    expect(waitingCalls(leadsTo(given, command).step)).toEqual([]);
  });

  test('B47: a pending run that is cancelled never starts', () => {
    expect(summaries(when(tapeTo.PENDING, { kind: 'cancel', reason: null }))).toEqual(['PENDING to CANCELLED']);
    expect(nextStep(leadsTo(tapeTo.PENDING, { kind: 'cancel', reason: null }), limits, 0)).toEqual({ kind: 'ended' });
  });

  test('records the reason', () => {
    expect(when(inProgress, { kind: 'cancel', reason: 'Enough.' })).toEqual([
      { ...status('IN_PROGRESS', 'CANCELLED', { reason: 'Enough.' }), actor: 'USER' },
    ]);
    expect(when(inProgress, { kind: 'fail', error: failure })).toEqual([
      status('IN_PROGRESS', 'FAILED', { reason: failure.message, error: failure }),
    ]);
  });

  test('B13: refuses the answer of a model call that was running', () => {
    const given = [inProgress, context(1), steered('more'), status('IN_PROGRESS', 'CANCELLED')];
    expect(refused(given, { kind: 'record', events: output(1, { text: 'Yes.' }) })).toMatchObject({
      state: 'CANCELLED',
    });
    expect(refused(given, { kind: 'complete' })).toMatchObject({ state: 'CANCELLED', command: 'complete' });
  });
});
