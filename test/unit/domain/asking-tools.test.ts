import { describe, expect, test } from 'vitest';
import { decide, type RunCommand } from '../../../src/domain/decide.ts';
import { failedResult } from '../../../src/domain/failed-result.ts';
import { nextStep } from '../../../src/domain/next-step.ts';
import { hasOpenWork, needsExecutor } from '../../../src/domain/run.ts';
import { callsOf } from '../../../src/domain/step.ts';
import { toolCallsOf } from '../../../src/domain/tool-calls.ts';
import { openWaits } from '../../../src/domain/wait.ts';
import {
  approvalRequest,
  callsRequested,
  eventsOf,
  expiry,
  type Given,
  limits,
  refusalOf,
  runOf,
  status,
  tape,
  toolDecision,
  toolStart,
  waitRequest,
  waitSettled,
} from './given.ts';

const running: Given = [callsRequested('a'), toolDecision('a', 'ALLOW'), toolStart('a')];
const asking: Given = [running, waitRequest('a', 'QUESTION')];
const waiting: Given = [asking, status('IN_PROGRESS', 'AWAITING_APPROVAL')];
const resumed = { type: 'status', payload: { from: 'AWAITING_APPROVAL', to: 'IN_PROGRESS' } };

const phasesOf = (...given: Given[]) => callsOf(runOf(...given).step).map(({ phase }) => phase.at);
const decided = (given: Given, command: RunCommand, now = 0) => eventsOf(decide(runOf(given), command, now));
const reply = (action: 'DECLINE' | 'CANCEL'): RunCommand => ({
  kind: 'answerQuestion',
  waitId: 'wait_a',
  by: 'ada',
  reply: { action },
  reason: null,
});

describe('B96: a question of a tool that runs', () => {
  test('is an open wait of a call in progress, which goes on when it is settled', () => {
    expect(phasesOf(asking)).toEqual(['asking']);
    expect(openWaits(runOf(waiting))).toMatchObject([{ kind: 'QUESTION', id: 'wait_a', expiresAt: expiry }]);
    expect(phasesOf(waiting, waitSettled('a', 'ANSWERED', 'QUESTION'))).toEqual(['started']);
    expect(toolCallsOf(tape(waiting))).toMatchObject([{ state: 'WAITING' }]);
    expect(toolCallsOf(tape(waiting, waitSettled('a', 'DECLINED', 'QUESTION')))).toMatchObject([{ state: 'RUNNING' }]);
    expect([needsExecutor(runOf(waiting)), hasOpenWork(runOf(waiting))]).toEqual([true, true]);
  });

  test('is recorded while its call runs and does not ask already', () => {
    const request = waitRequest('a', 'QUESTION');
    if (request.type !== 'wait_request') throw new Error('It is no request.');
    const command: RunCommand = { kind: 'ask', request };
    expect(decided(running, command)).toEqual([request]);
    const ended: Given = [running, failedResult({ callId: 'a', tool: 'tool_a' }, 'no')];
    for (const given of [asking, waiting, ended, [ended, status('IN_PROGRESS', 'CANCELLED')]]) {
      expect(refusalOf(decide(runOf(given), command, 0))).toMatchObject({ kind: expect.any(String) });
    }
  });

  test('suspends the run once nothing else is in progress; calls that come later do not start', () => {
    const others = [callsRequested('a', 'b', 'c'), toolStart('a'), toolStart('b'), toolDecision('c', 'ALLOW')];
    const both = [others, waitRequest('a', 'QUESTION')];
    expect(nextStep(runOf(both), limits, 0)).toMatchObject({ kind: 'recover' });
    const alone = [both, failedResult({ callId: 'b', tool: 'tool_b' }, 'no')];
    expect(nextStep(runOf(alone), limits, 0)).toMatchObject({
      kind: 'transition',
      command: { kind: 'requestApproval' },
    });
  });

  test('has no result when it is settled, and resumes the run although it waits for more', () => {
    const more: Given = [callsRequested('a', 'b'), toolStart('a'), approvalRequest('b'), waitRequest('a', 'QUESTION')];
    for (const given of [waiting, [more, status('IN_PROGRESS', 'AWAITING_APPROVAL')]]) {
      expect(decided(given, reply('DECLINE'))).toMatchObject([{ payload: { outcome: 'DECLINED' } }, resumed]);
      const expired = decided(given, { kind: 'expireWait', waitId: 'wait_a', onExpiry: 'fail' }, expiry);
      expect(expired).toMatchObject([{ payload: { outcome: 'EXPIRED' } }, resumed]);
    }
    expect(decided(asking, reply('CANCEL'))).toMatchObject([{ payload: { outcome: 'CANCELLED' } }]);
  });

  test('is withdrawn when the call ends, when the tool needs no answer, and when the run ends', () => {
    const { payload: result } = failedResult({ callId: 'a', tool: 'tool_a' }, 'It was lost.');
    const withdrawn = { type: 'wait_settled', payload: { waitId: 'wait_a', outcome: 'WITHDRAWN' } };
    expect(decided(waiting, { kind: 'endCall', result })).toMatchObject([
      { ...withdrawn, payload: { ...withdrawn.payload, reason: 'The call ended.' } },
      resumed,
      { type: 'tool_result', actor: 'TOOL', payload: result },
    ]);
    expect(decided(running, { kind: 'endCall', result })).toMatchObject([{ payload: result }]);
    const settled: Given = [callsRequested('b'), approvalRequest('b'), status('IN_PROGRESS', 'AWAITING_APPROVAL')];
    expect(refusalOf(decide(runOf(settled), { kind: 'endCall', result }, 0))).toMatchObject({ command: 'endCall' });
    for (const waitId of ['wait_a', null]) {
      const events = decided(waiting, { kind: 'withdrawQuestions', waitId, reason: 'Lost.' });
      expect(events).toMatchObject([{ payload: { outcome: 'WITHDRAWN', reason: 'Lost.' } }, resumed]);
    }
    const others: Given = [
      callsRequested('a', 'b', 'c'),
      toolStart('a'),
      toolStart('b'),
      approvalRequest('c'),
      [waitRequest('a', 'QUESTION'), waitRequest('b', 'QUESTION')],
      status('IN_PROGRESS', 'AWAITING_APPROVAL'),
    ];
    expect(decided(others, { kind: 'endCall', result })).toMatchObject([withdrawn, resumed, { payload: result }]);
    expect(decided(others, { kind: 'withdrawQuestions', waitId: null, reason: 'Lost.' })).toMatchObject([
      withdrawn,
      { payload: { waitId: 'wait_b', outcome: 'WITHDRAWN' } },
      resumed,
    ]);
    for (const given of [waiting, settled]) {
      expect(decided(given, { kind: 'withdrawQuestions', waitId: 'wait_b', reason: 'Lost.' })).toEqual([]);
    }
    expect(decided(waiting, { kind: 'cancel', reason: null })).toMatchObject([
      withdrawn,
      { payload: { to: 'CANCELLED' } },
    ]);
  });
});
