import { describe, expect, test } from 'vitest';
import { type ApprovalVerdict, decide, failedResult, type RunCommand } from '../../../src/domain/decide.ts';
import type { Json, NewEvent } from '../../../src/domain/events.ts';
import { nextStep } from '../../../src/domain/next-step.ts';
import { foldOn } from '../../../src/domain/run.ts';
import { waitingCalls } from '../../../src/domain/step.ts';
import {
  answer,
  asking,
  awaiting,
  called,
  context,
  eventsOf,
  expiry,
  failure,
  type Given,
  inProgress,
  limits,
  origin,
  output,
  question,
  refusalOf,
  runId,
  runOf,
  status,
  steered,
  tapeTo,
  toolProgress,
  toolResult,
  toolStart,
  verdict,
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
  kind: 'expireApproval',
  approvalId: `apr_${callId}`,
  onExpiry,
});

const when = (given: Given, command: RunCommand, now = 0) => eventsOf(decide(runOf(given), command, now));
const refused = (given: Given, command: RunCommand, now = 0) => refusalOf(decide(runOf(given), command, now));
const leadsTo = (given: Given, command: RunCommand) => {
  const run = foldOn(runOf(given), { runId, now: 0, epoch: null }, when(given, command));
  if (run === null) throw new Error('There is a run.');
  return run;
};

/** Events in few words: type, and what was decided or where the run went. */
const words = (events: NewEvent[]) =>
  events.map((event) => {
    if (event.type === 'approval_decision') return `${event.payload.callId} ${event.payload.status}`;
    if (event.type === 'status') return `${event.payload.from} to ${event.payload.to}`;
    return event.type;
  });

describe('sending and steering', () => {
  test('B11: a message begins a run with its input and null to PENDING together', () => {
    const command: RunCommand = { kind: 'send', text: 'hello', idempotencyKey: 'k', origin };
    const events = eventsOf(decide(null, command, 0));
    expect(events).toMatchObject([
      { type: 'input', actor: 'USER', payload: { text: 'hello', steered: false, idempotencyKey: 'k', origin } },
      { type: 'status', actor: 'USER', payload: { from: null, to: 'PENDING' } },
    ]);
    expect(events).toHaveLength(2);
    expect(refused(tapeTo.PENDING, command)).toMatchObject({ kind: 'conflict' });
  });

  test('without a run every other command is refused', () => {
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
    for (const command of commands) expect(refusalOf(decide(null, command, 0)).kind).toBe('not-found');
  });

  test('B15: a message is taken in by a run that has not ended', () => {
    const command: RunCommand = { kind: 'steer', text: 'more', idempotencyKey: 'k' };
    for (const state of ['PENDING', 'IN_PROGRESS', 'AWAITING_APPROVAL'] as const) {
      expect(when(tapeTo[state], command)).toEqual([
        { type: 'input', actor: 'USER', payload: { text: 'more', steered: true, idempotencyKey: 'k', origin: null } },
      ]);
    }
  });

  test('B15: a run that has ended takes none', () => {
    for (const state of ['DONE', 'FAILED', 'CANCELLED'] as const) {
      expect(refused(tapeTo[state], { kind: 'steer', text: 'more', idempotencyKey: null })).toMatchObject({
        kind: 'invalid-transition',
        state,
        command: 'steer',
      });
    }
  });

  test('an executor records while the run is IN_PROGRESS, and only then', () => {
    expect(when(inProgress, { kind: 'record', events: [context(1)] })).toEqual([context(1)]);
    for (const state of ['PENDING', 'AWAITING_APPROVAL', 'DONE', 'FAILED', 'CANCELLED'] as const) {
      expect(refused(tapeTo[state], { kind: 'record', events: [context(1)] })).toMatchObject({
        state,
        command: 'record',
      });
    }
  });
});

describe('what a tool reports', () => {
  const { payload } = toolProgress('a');
  const report: RunCommand = { kind: 'report', payload };

  test('is recorded while its call is executed', () => {
    expect(when([called('a', 'b'), toolStart('a'), toolStart('b')], report)).toEqual([
      { type: 'tool_progress', actor: 'TOOL', payload },
    ]);
  });

  test.each<[string, Given]>([
    ['before it', called('a')],
    ['behind its result', [called('a', 'b'), toolStart('a'), toolStart('b'), toolResult('a')]],
    ['of another call', [called('b'), toolStart('b')]],
    ['when a person is asked about its outcome', [called('a'), toolStart('a'), question('a')]],
    ['in the next step', [called('a'), toolStart('a'), toolResult('a'), context(2)]],
  ])('adds nothing %s', (_name, given) => {
    expect(when(given, report)).toEqual([]);
  });

  test('is refused by a run that was cancelled', () => {
    const cancelled = [called('a'), toolStart('a'), status('IN_PROGRESS', 'CANCELLED')];
    expect(refused(cancelled, report)).toMatchObject({ kind: 'invalid-transition', command: 'report' });
  });
});

describe('B36: an approval', () => {
  test('B36: the last one sets the run going again', () => {
    expect(words(when(awaiting('a'), allow('a')))).toEqual(['a ALLOWED', 'AWAITING_APPROVAL to IN_PROGRESS']);
    const rest = [awaiting('a', 'b'), answer('a', 'ALLOWED')];
    expect(words(when(rest, allow('b')))).toEqual(['b ALLOWED', 'AWAITING_APPROVAL to IN_PROGRESS']);
  });

  test('B41: one that is not the last does not', () => {
    expect(words(when(awaiting('a', 'b'), allow('a')))).toEqual(['a ALLOWED']);
    expect(words(when(awaiting('a', 'b'), deny('a')))).toEqual(['a DENIED', 'tool_result']);
    expect(words(when(awaiting('a', 'b'), expire('b')))).toEqual(['b EXPIRED', 'tool_result']);
    expect(leadsTo(awaiting('a', 'b'), allow('a')).state.status).toBe('AWAITING_APPROVAL');
  });

  test('B41: while other calls are at work, it resumes nothing', () => {
    const given = [asking('a', 'b'), toolStart('b')];
    expect(words(when(given, allow('a')))).toEqual(['a ALLOWED']);
    expect(words(when(given, deny('a')))).toEqual(['a DENIED', 'tool_result']);
    expect(leadsTo(given, allow('a')).state.status).toBe('IN_PROGRESS');
  });

  test('B36: a denied call gets a result that says why, and is not executed', () => {
    const [, why] = when(awaiting('a'), deny('a', 'Too risky.'));
    expect(why).toEqual(failedResult({ callId: 'a', tool: 'tool_a' }, 'A person denied this call: Too risky.'));
    expect(when(awaiting('a'), deny('a'))[1]).toMatchObject({
      payload: { ok: false, output: null, error: 'A person denied this call.' },
    });
    expect(nextStep(leadsTo(awaiting('a'), deny('a')), limits, 0)).toEqual({ kind: 'call-model', step: 2 });
  });

  test('B36: keeps who decided, how far it goes and why', () => {
    const grant = { grantId: 'grt_1', expiresAt: 77 };
    const [decided] = when(awaiting('a'), allow('a', { scope: 'TIMEBOXED', grant, reason: 'Fine.' }));
    expect(decided).toEqual({
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
      },
    });
    expect(when(awaiting('a'), deny('a', 'No.'))[0]?.payload).toMatchObject({
      status: 'DENIED',
      scope: null,
      decidedBy: 'ada',
      reason: 'No.',
      grantId: null,
    });
  });

  test('B42: an edited input is recorded beside the one of the model, and is what runs', () => {
    const editedInput: Json = { path: '/safe' };
    const command = allow('a', { editedInput });
    expect(when(awaiting('a'), command)[0]?.payload).toMatchObject({ editedInput });
    expect(nextStep(leadsTo(awaiting('a'), command), limits, 0)).toMatchObject({
      kind: 'execute',
      calls: [{ callId: 'a', input: editedInput }],
    });
  });

  test('B37: is settled once', () => {
    for (const settled of ['ALLOWED', 'DENIED', 'EXPIRED', 'WITHDRAWN'] as const) {
      for (const command of [allow('a'), deny('a'), expire('a'), expire('a', 'fail')]) {
        expect(refused([awaiting('a', 'b'), answer('a', settled)], command)).toMatchObject({
          kind: 'approval-settled',
          approvalId: 'apr_a',
        });
      }
    }
  });

  test('one that was never asked for cannot be decided', () => {
    for (const given of [inProgress, called('a'), [called('a'), verdict('a', 'ALLOW')], awaiting('b')]) {
      for (const command of [allow('a'), deny('a'), expire('a')])
        expect(refused(given, command).kind).toBe('approval-settled');
    }
  });
});

describe('B40: expiry', () => {
  test('B40: counts as a denial, and the run goes on', () => {
    const events = when(awaiting('a'), expire('a'), expiry);
    expect(words(events)).toEqual(['a EXPIRED', 'tool_result', 'AWAITING_APPROVAL to IN_PROGRESS']);
    expect(events[0]).toMatchObject({ actor: 'SYSTEM', payload: { decidedBy: null } });
    expect(events[1]?.payload).toMatchObject({ ok: false, error: 'Nobody approved this call in time.' });
  });

  test('B40: or fails the run, and withdraws the other questions', () => {
    const events = when(awaiting('a', 'b', 'c'), expire('b', 'fail'), expiry);
    expect(words(events)).toEqual(['b EXPIRED', 'a WITHDRAWN', 'c WITHDRAWN', 'AWAITING_APPROVAL to FAILED']);
    expect(events.at(-1)?.payload).toMatchObject({ error: { code: 'APPROVAL_TIMEOUT', retryable: true } });
    expect(words(when([asking('a', 'b'), toolStart('b')], expire('a', 'fail')))).toEqual([
      'a EXPIRED',
      'IN_PROGRESS to FAILED',
    ]);
  });

  test('B40: what expired by time cannot be decided, before and after it is swept', () => {
    for (const command of [allow('a'), deny('a')]) {
      expect(when(awaiting('a'), command, expiry - 1)[0]?.type).toBe('approval_decision');
      expect(refused(awaiting('a'), command, expiry).kind).toBe('approval-settled');
      expect(refused([awaiting('a', 'b'), answer('a', 'EXPIRED')], command, expiry).kind).toBe('approval-settled');
    }
  });
});

describe('ending a run', () => {
  const ends: [string, RunCommand, string][] = [
    ['cancel', { kind: 'cancel', reason: 'Enough.' }, 'CANCELLED'],
    ['fail', { kind: 'fail', error: failure }, 'FAILED'],
  ];

  test.each(ends)('B47: %s withdraws every open question, in the same decision', (_name, command, to) => {
    const given = [awaiting('a', 'b', 'c'), answer('b', 'ALLOWED')];
    expect(words(when(given, command))).toEqual(['a WITHDRAWN', 'c WITHDRAWN', `AWAITING_APPROVAL to ${to}`]);
    expect(words(when(asking('a'), command))).toEqual(['a WITHDRAWN', `IN_PROGRESS to ${to}`]);
    expect(waitingCalls(leadsTo(given, command).step)).toEqual([]);
  });

  test('B47: while queued, nothing is started any more', () => {
    expect(words(when(tapeTo.PENDING, { kind: 'cancel', reason: null }))).toEqual(['PENDING to CANCELLED']);
    expect(nextStep(leadsTo(tapeTo.PENDING, { kind: 'cancel', reason: null }), limits, 0)).toEqual({ kind: 'ended' });
  });

  test('says why', () => {
    expect(when(inProgress, { kind: 'cancel', reason: 'Enough.' })).toEqual([
      { ...status('IN_PROGRESS', 'CANCELLED', { reason: 'Enough.' }), actor: 'USER' },
    ]);
    expect(when(inProgress, { kind: 'fail', error: failure })).toEqual([
      status('IN_PROGRESS', 'FAILED', { reason: failure.message, error: failure }),
    ]);
  });

  test('B13: after it, an answer of the model is refused', () => {
    const given = [inProgress, context(1), steered('more'), status('IN_PROGRESS', 'CANCELLED')];
    expect(refused(given, { kind: 'record', events: output(1, { text: 'Yes.' }) })).toMatchObject({
      state: 'CANCELLED',
    });
    expect(refused(given, { kind: 'complete' })).toMatchObject({ state: 'CANCELLED', command: 'complete' });
  });
});
