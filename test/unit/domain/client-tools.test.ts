import { describe, expect, test } from 'vitest';
import { decide, type RunCommand } from '../../../src/domain/decide.ts';
import { nextStep } from '../../../src/domain/next-step.ts';
import { callsOf } from '../../../src/domain/step.ts';
import { toolCallsOf } from '../../../src/domain/tool-calls.ts';
import { openWaits, waitChangeOf } from '../../../src/domain/wait.ts';
import {
  approvalDecision,
  approvalRequest,
  callsRequested,
  eventsOf,
  expiry,
  type Given,
  inProgress,
  input,
  limits,
  refusalOf,
  runOf,
  status,
  tape,
  toolDecision,
  toolResult,
  toolStart,
  waitRequest,
  waitSettled,
} from './given.ts';

const asked: Given = [callsRequested('a'), toolDecision('a', 'ALLOW'), 100, waitRequest('a')];
const waiting: Given = [asked, status('IN_PROGRESS', 'AWAITING_APPROVAL')];
const bothWaiting: Given = [
  callsRequested('a', 'b'),
  toolDecision('a', 'ALLOW'),
  waitRequest('a'),
  toolDecision('b', 'ASK'),
  approvalRequest('b'),
  status('IN_PROGRESS', 'AWAITING_APPROVAL'),
];

const submitting = (more: object = { ok: true, output: { picked: 1 }, storedText: null }): RunCommand =>
  ({ kind: 'submitToolResult', waitId: 'wait_a', by: 'ada', result: more }) as RunCommand;
const expiring = (onExpiry: 'deny' | 'fail'): RunCommand => ({ kind: 'expireWait', waitId: 'wait_a', onExpiry });
const decided = (given: Given, command: RunCommand, now = 500) => eventsOf(decide(runOf(given), command, now));
const refused = (given: Given, command: RunCommand, now = 500) => refusalOf(decide(runOf(given), command, now));

describe('B97: a call that a client runs', () => {
  test('is an open wait, for which the run waits once nothing else is left', () => {
    expect(openWaits(runOf(asked))).toMatchObject([{ kind: 'CLIENT_TOOL', id: 'wait_a', expiresAt: expiry }]);
    expect(nextStep(runOf(asked), limits, 0)).toEqual({ kind: 'transition', command: { kind: 'requestApproval' } });
    expect(nextStep(runOf(waiting), limits, 0)).toEqual({ kind: 'wait' });
    const other = [callsRequested('a', 'b'), waitRequest('a'), toolDecision('b', 'ALLOW')];
    expect(nextStep(runOf(other), limits, 0)).toMatchObject({ kind: 'execute', calls: [{ callId: 'b' }] });
  });

  test('gets its result and resumes the run in one append', () => {
    expect(decided(waiting, submitting())).toMatchObject([
      { type: 'wait_settled', actor: 'USER', payload: { waitId: 'wait_a', outcome: 'COMPLETED', decidedBy: 'ada' } },
      {
        type: 'tool_result',
        actor: 'TOOL',
        payload: {
          callId: 'a',
          tool: 'tool_a',
          ok: true,
          output: { picked: 1 },
          durationMilliseconds: 400,
          truncated: false,
          mayHaveRun: false,
        },
      },
      { type: 'status', payload: { from: 'AWAITING_APPROVAL', to: 'IN_PROGRESS' } },
    ]);
    expect(decided(waiting, submitting({ ok: false, error: 'It broke.' }))).toMatchObject([
      { payload: { outcome: 'FAILED' } },
      { payload: { ok: false, output: null, error: 'It broke.' } },
      { type: 'status' },
    ]);
  });

  test('does not resume a run that is in progress or waits for something else', () => {
    for (const given of [asked, bothWaiting]) {
      expect(decided(given, submitting()).map(({ type }) => type)).toEqual(['wait_settled', 'tool_result']);
    }
    const last = [bothWaiting, approvalDecision('b', 'DENIED'), toolResult('b')];
    expect(decided(last, submitting()).map(({ type }) => type)).toEqual(['wait_settled', 'tool_result', 'status']);
  });

  test('is settled once, and not after it expired or its run ended', () => {
    const ended = [waiting, waitSettled('a', 'WITHDRAWN'), status('AWAITING_APPROVAL', 'CANCELLED')];
    const settled = [bothWaiting, waitSettled('a', 'COMPLETED'), toolResult('a')];
    for (const given of [inProgress, callsRequested('a'), settled, ended]) {
      expect(refused(given, submitting())).toMatchObject({ kind: 'wait-settled', waitId: 'wait_a' });
    }
    expect(refused(waiting, submitting(), expiry)).toMatchObject({ kind: 'wait-settled' });
  });

  test('is not settled by the commands of approvals, nor an approval by those of client tools', () => {
    const verdict = { decision: 'DENY', by: 'ada', reason: null } as const;
    expect(refused(waiting, { kind: 'decideApproval', approvalId: 'wait_a', verdict }).kind).toBe('approval-settled');
    const replacing: RunCommand = { kind: 'replaceApproval', approvalId: 'wait_a', reason: '', events: [] };
    expect(refused(waiting, replacing).kind).toBe('approval-settled');
    expect(refused(bothWaiting, { ...submitting(), waitId: 'apr_b' } as RunCommand).kind).toBe('wait-settled');
  });

  test('gets an error result when it expires, whatever happens to runs whose approvals expire', () => {
    for (const onExpiry of ['deny', 'fail'] as const) {
      expect(decided(waiting, expiring(onExpiry), expiry)).toMatchObject([
        { type: 'wait_settled', actor: 'SYSTEM', payload: { outcome: 'EXPIRED', decidedBy: null } },
        { type: 'tool_result', payload: { ok: false, error: 'The client submitted no result in time.' } },
        { type: 'status', payload: { to: 'IN_PROGRESS' } },
      ]);
    }
  });

  test('is withdrawn when the run ends', () => {
    expect(decided(waiting, { kind: 'cancel', reason: null })).toMatchObject([
      { type: 'wait_settled', actor: 'SYSTEM', payload: { callId: 'a', outcome: 'WITHDRAWN' } },
      { type: 'status', payload: { to: 'CANCELLED' } },
    ]);
  });

  test('is settled in the fold by its events, and progress ends a suspicion', () => {
    const run = runOf(waiting, waitSettled('a', 'COMPLETED'));
    expect(callsOf(run.step)).toMatchObject([{ callId: 'a', phase: { at: 'settled', ok: true } }]);
    expect(callsOf(runOf(waiting, waitSettled('a', 'EXPIRED')).step)[0]?.phase).toEqual({ at: 'settled', ok: false });
  });

  test('is WAITING, and then has the state of its result', () => {
    const stateAfter = (...given: Given[]) => toolCallsOf(tape(...given))[0];
    expect(stateAfter(waiting)).toMatchObject({ state: 'WAITING', waits: [{ kind: 'CLIENT_TOOL', id: 'wait_a' }] });
    const expired = [waiting, waitSettled('a', 'EXPIRED'), toolResult('a', { ok: false, error: 'Late.' })];
    expect(stateAfter(expired)).toMatchObject({ state: 'FAILED', error: 'Late.', attempts: 0, startedAt: null });
    expect(stateAfter(waiting, waitSettled('a', 'COMPLETED'), toolResult('a'))?.state).toBe('SUCCEEDED');
    expect(stateAfter(callsRequested('a'), toolStart('a'))?.state).toBe('RUNNING');
  });

  test('opens and settles a wait', () => {
    const changes = tape(waiting, waitSettled('a', 'FAILED')).flatMap((event) => waitChangeOf(event) ?? []);
    expect(changes).toMatchObject([
      { change: 'opened', kind: 'CLIENT_TOOL', id: 'wait_a', callId: 'a', expiresAt: expiry },
      { change: 'settled', kind: 'CLIENT_TOOL', id: 'wait_a', callId: 'a', status: 'FAILED', editedInput: null },
    ]);
  });
});

test('the fold has the tools that the first message declares; messages without tools are recorded as before', () => {
  const tool = { name: 'pick', description: '', inputSchema: { type: 'object' }, timeoutSeconds: null };
  const { origin } = runOf(input('hello'));
  const sent = (clientTools: (typeof tool)[]) =>
    eventsOf(decide(null, { kind: 'send', origin, text: 'hi', idempotencyKey: null, clientTools }, 0));
  expect(runOf(sent([tool])).clientTools).toEqual([tool]);
  expect(runOf(sent([])).clientTools).toEqual([]);
  expect(sent([])[0]?.payload).not.toHaveProperty('clientTools');
});
