import { describe, expect, test } from 'vitest';
import { decide, type RunCommand } from '../../../src/domain/decide.ts';
import {
  conflict,
  invalidInput,
  isRefusal,
  limitExceeded,
  notFound,
  quotaReached,
  type Refusal,
  refuseTransition,
  sessionBusy,
} from '../../../src/domain/refusal.ts';
import {
  approvalRequest,
  awaitingApproval,
  callsRequested,
  context,
  eventsOf,
  failure,
  inProgress,
  origin,
  pending,
  runOf,
  tapeTo,
  toolDecision,
  toolStart,
} from './given.ts';

const settled: Refusal = { kind: 'approval-settled', approvalId: 'apr_1', message: 'Settled.' };

describe('a refusal', () => {
  test('names what is missing, in conflict, busy or too large', () => {
    expect(notFound('session', 'ses_1')).toEqual({
      kind: 'not-found',
      id: 'ses_1',
      message: 'There is no session ses_1.',
    });
    expect(conflict('Taken.')).toEqual({ kind: 'conflict', message: 'Taken.' });
    expect(sessionBusy('run_1')).toEqual({
      kind: 'session-busy',
      activeRunId: 'run_1',
      message: 'The session already has an active run: run_1.',
    });
    expect(limitExceeded('points', 'Too many.')).toEqual({
      kind: 'limit-exceeded',
      limit: 'points',
      message: 'Too many.',
    });
    expect(quotaReached('sessions', { used: 5, allowed: 4 }, 'sessions exist', 'Delete some.')).toEqual({
      kind: 'limit-exceeded',
      limit: 'sessions',
      used: 5,
      allowed: 4,
      message: '5 of at most 4 sessions exist. Delete some.',
    });
  });

  test('of an input names the member, if it is about one', () => {
    expect(invalidInput(['a', 'b'], 'is empty')).toEqual({
      kind: 'invalid-input',
      issues: [{ path: ['a', 'b'], message: 'is empty' }],
      message: 'a.b: is empty',
    });
    expect(invalidInput([], 'It is empty.')).toMatchObject({
      issues: [{ path: [], message: 'It is empty.' }],
      message: 'It is empty.',
    });
  });

  test.each([
    ['cancel', 'Cannot cancel run run_1: it is DONE.'],
    ['branch at', 'Cannot branch at run run_1: it is DONE.'],
    ['record', 'Cannot record events of run run_1: it is DONE.'],
    ['report', 'Cannot report progress of run run_1: it is DONE.'],
    ['requestApproval', 'Cannot request an approval for run run_1: it is DONE.'],
  ])('of the transition %s names the command in words, the run and its status', (command, message) => {
    expect(refuseTransition('run_1', 'DONE', command)).toEqual({
      kind: 'invalid-transition',
      runId: 'run_1',
      state: 'DONE',
      command,
      message,
    });
  });

  test('is told from every other outcome', () => {
    const refusals: Refusal[] = [
      notFound('run', 'run_1'),
      conflict('Taken.'),
      invalidInput([], 'It is empty.'),
      sessionBusy('run_1'),
      refuseTransition('run_1', 'DONE', 'start'),
      settled,
      limitExceeded('points', 'Too many.'),
    ];
    expect(refusals.filter((refusal) => !isRefusal(refusal))).toEqual([]);
    expect([{ kind: 'events' }, { kind: '' }, { kind: 'ok' }].filter(isRefusal)).toEqual([]);
  });
});

describe('a refused command', () => {
  const refused = (command: RunCommand, run = runOf(pending)) => decide(run, command, 0);

  test('says which run exists already', () => {
    expect(refused({ kind: 'send', text: 'x', idempotencyKey: null, origin })).toMatchObject({
      message: 'Run run_1 already exists.',
    });
  });

  test('says which approval or wait is settled', () => {
    const verdict = { decision: 'DENY', by: 'ada', reason: null } as const;
    expect(refused({ kind: 'decideApproval', approvalId: 'apr_x', verdict })).toEqual({
      kind: 'approval-settled',
      approvalId: 'apr_x',
      message: 'Approval apr_x is already settled.',
    });
    const result = { ok: false, error: 'It failed.' } as const;
    expect(refused({ kind: 'submitToolResult', waitId: 'ctc_x', by: 'ada', result })).toEqual({
      kind: 'wait-settled',
      waitId: 'ctc_x',
      message: 'ctc_x is already settled: it was settled differently, it expired, or its run ended.',
    });
  });

  test('is named with the status of the run', () => {
    const done = runOf(tapeTo.DONE);
    const names = (['start', 'complete', 'requestApproval'] as const).map((kind) =>
      refused(kind === 'start' ? { kind, turn: 1 } : { kind }, done),
    );
    expect(names).toMatchObject([{ command: 'start' }, { command: 'complete' }, { command: 'requestApproval' }]);
    expect(refused({ kind: 'cancel', reason: null }, done)).toMatchObject({ command: 'cancel', state: 'DONE' });
    expect(refused({ kind: 'fail', error: failure }, runOf(tapeTo.CANCELLED))).toMatchObject({
      command: 'fail',
      state: 'CANCELLED',
    });
  });
});

describe('the events of a decision', () => {
  test('start a run at once if a turn is given, and record the turn', () => {
    const send: RunCommand = { kind: 'send', text: 'x', idempotencyKey: null, origin, turn: 3 };
    expect(eventsOf(decide(null, send, 0)).slice(1)).toEqual([
      {
        type: 'status',
        actor: 'USER',
        payload: { from: null, to: 'PENDING', reason: null, error: null, turn: null },
      },
      {
        type: 'status',
        actor: 'SYSTEM',
        payload: { from: 'PENDING', to: 'IN_PROGRESS', reason: null, error: null, turn: 3 },
      },
    ]);
    expect(eventsOf(decide(runOf(pending), { kind: 'start', turn: 4 }, 0))).toMatchObject([
      { actor: 'SYSTEM', payload: { from: 'PENDING', to: 'IN_PROGRESS', turn: 4 } },
    ]);
    expect(eventsOf(decide(runOf(inProgress), { kind: 'complete' }, 0))).toMatchObject([
      { actor: 'SYSTEM', payload: { from: 'IN_PROGRESS', to: 'DONE', turn: null } },
    ]);
  });

  test('are those of an executor, in the form of every decision', () => {
    const recorded = [context(1)];
    expect(decide(runOf(inProgress), { kind: 'record', events: recorded }, 0)).toEqual({
      kind: 'events',
      events: recorded,
    });
  });

  test('withdraw the open approvals of a run that ends, in the name of the system', () => {
    const run = runOf(awaitingApproval('a'));
    expect(eventsOf(decide(run, { kind: 'cancel', reason: null }, 0))).toMatchObject([
      { type: 'approval_decision', actor: 'SYSTEM', payload: { status: 'WITHDRAWN', reason: null } },
      { type: 'status', actor: 'USER' },
    ]);
  });

  test('name the tool whose approval expired and failed the run', () => {
    const run = runOf(awaitingApproval('a', 'b'));
    const message = 'The approval of a call to tool_a expired.';
    const events = eventsOf(decide(run, { kind: 'expireWait', waitId: 'apr_a', onExpiry: 'fail' }, 0));
    expect(events.at(-1)).toEqual({
      type: 'status',
      actor: 'SYSTEM',
      payload: {
        from: 'AWAITING_APPROVAL',
        to: 'FAILED',
        reason: message,
        error: { code: 'APPROVAL_TIMEOUT', message, retryable: true },
        turn: null,
      },
    });
    expect(events[1]).toMatchObject({
      type: 'approval_decision',
      actor: 'SYSTEM',
      payload: { callId: 'b', approvalId: 'apr_b', status: 'WITHDRAWN', scope: null, decidedBy: null, reason: null },
    });
  });

  test('of an expiry and a denial come from the system and the user', () => {
    const run = runOf(awaitingApproval('a'));
    const actorsOf = (command: RunCommand) => eventsOf(decide(run, command, 0)).map(({ actor }) => actor);
    expect(actorsOf({ kind: 'expireWait', waitId: 'apr_a', onExpiry: 'deny' })).toEqual(['SYSTEM', 'TOOL', 'SYSTEM']);
    const verdict = { decision: 'DENY', by: 'ada', reason: null } as const;
    expect(actorsOf({ kind: 'decideApproval', approvalId: 'apr_a', verdict })).toEqual(['USER', 'TOOL', 'SYSTEM']);
  });

  test('of the result of a call that did not run have no output', () => {
    const run = runOf(awaitingApproval('a'));
    const expire: RunCommand = { kind: 'expireWait', waitId: 'apr_a', onExpiry: 'deny' };
    expect(eventsOf(decide(run, expire, 0))[1]).toEqual({
      type: 'tool_result',
      actor: 'TOOL',
      payload: {
        callId: 'a',
        tool: 'tool_a',
        ok: false,
        output: null,
        error: 'The approval of this call expired.',
        durationMilliseconds: 0,
        truncated: false,
        storedText: null,
        mayHaveRun: false,
      },
    });
  });

  test('of an approval that was requested while another call ran do not resume the run', () => {
    const run = runOf(callsRequested('a', 'b'), toolDecision('a', 'ASK'), approvalRequest('a'), toolStart('b'));
    const expire: RunCommand = { kind: 'expireWait', waitId: 'apr_a', onExpiry: 'deny' };
    expect(eventsOf(decide(run, expire, 0)).map(({ type }) => type)).toEqual(['approval_decision', 'tool_result']);
  });
});
