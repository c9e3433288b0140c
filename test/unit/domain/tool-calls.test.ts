import { expect, test } from 'vitest';
import { toolCallEventTypes, toolCallsOf } from '../../../src/domain/tool-calls.ts';
import {
  approvalDecision,
  approvalRequest,
  approvalsRequested,
  awaitingApproval,
  callsRequested,
  context,
  type Given,
  inProgress,
  output,
  resumption,
  runId,
  status,
  tape,
  toolDecision,
  toolProgress,
  toolResult,
  toolStart,
  waitRequest,
  waitSettled,
} from './given.ts';

const callOf = (...given: Given[]) => toolCallsOf(tape(...given))[0];
const failed = (error: string) => toolResult('a', { ok: false, output: null, error });

test('a call is requested, allowed, started and ended', () => {
  const request: Given = [10, callsRequested('a')];
  const requested = {
    runId,
    callId: 'a',
    step: 1,
    tool: 'tool_a',
    input: { of: 'a' },
    state: 'REQUESTED',
    waits: [],
    output: null,
    error: null,
    attempts: 0,
    requestedAt: 10,
    startedAt: null,
    endedAt: null,
  };
  expect(callOf(request)).toEqual(requested);
  expect(callOf(request, toolDecision('a', 'ALLOW'))).toEqual(requested);
  const start: Given = [request, toolDecision('a', 'ALLOW'), 20, toolStart('a')];
  const running = { ...requested, state: 'RUNNING', attempts: 1, startedAt: 20 };
  expect(callOf(start)).toEqual(running);
  expect(callOf(start, toolProgress('a'))).toEqual(running);
  const ended = { ...running, endedAt: 30 };
  expect(callOf(start, 30, toolResult('a'))).toEqual({ ...ended, state: 'SUCCEEDED', output: 'result of a' });
  expect(callOf(start, 30, failed('Broken.'))).toEqual({ ...ended, state: 'FAILED', error: 'Broken.' });
});

test('a call that cannot be made fails without an attempt', () => {
  expect(callOf(callsRequested('a'), failed('There is no such tool.'))).toMatchObject({ state: 'FAILED', attempts: 0 });
});

test('a call waits for approvals, and is made with the input that an approver gives', () => {
  const waits = [{ kind: 'APPROVAL', id: 'apr_a' }];
  expect(callOf(awaitingApproval('a'))).toMatchObject({ state: 'WAITING', waits });
  const allowed = [awaitingApproval('a'), approvalDecision('a', 'ALLOWED', { of: 'another' })];
  expect(callOf(allowed)).toMatchObject({ state: 'REQUESTED', waits, input: { of: 'another' } });
  expect(callOf(awaitingApproval('a'), approvalDecision('a', 'ALLOWED'))).toMatchObject({ input: { of: 'a' } });
  const again = [
    awaitingApproval('a'),
    approvalDecision('a', 'WITHDRAWN'),
    approvalRequest('a', { approvalId: 'apr_2' }),
  ];
  expect(callOf(again)).toMatchObject({ state: 'WAITING', waits: [...waits, { kind: 'APPROVAL', id: 'apr_2' }] });
});

test('a call is denied by policy, by a person, or because nobody decided in time', () => {
  const denied = { state: 'DENIED', error: 'No.', output: null, endedAt: 0 };
  expect(callOf(callsRequested('a'), toolDecision('a', 'DENY'), failed('No.'))).toMatchObject(denied);
  for (const status of ['DENIED', 'EXPIRED'] as const) {
    expect(callOf(awaitingApproval('a'), approvalDecision('a', status), failed('No.'))).toMatchObject(denied);
  }
  // Policy was changed while the call waited.
  const replaced: Given = [awaitingApproval('a'), approvalDecision('a', 'WITHDRAWN'), toolDecision('a', 'DENY')];
  expect(callOf(replaced, failed('No.'))).toMatchObject(denied);
});

test('a call that has no result when the run ends is cancelled, unless it was denied', () => {
  const cancelled = status('IN_PROGRESS', 'CANCELLED');
  const end: Given = [40, cancelled];
  const waiting: Given = [
    approvalsRequested('a', 'b'),
    approvalDecision('a', 'EXPIRED'),
    approvalDecision('b', 'WITHDRAWN'),
  ];
  expect(toolCallsOf(tape(waiting, end))).toMatchObject([
    { callId: 'a', state: 'DENIED', endedAt: 40 },
    { callId: 'b', state: 'CANCELLED', endedAt: 40, error: null },
  ]);
  expect(callOf(callsRequested('a'), end)).toMatchObject({ state: 'CANCELLED' });
  expect(callOf(callsRequested('a'), toolStart('a'), end)).toMatchObject({ state: 'CANCELLED', attempts: 1 });
  expect(callOf(callsRequested('a'), toolStart('a'), toolResult('a'), end)).toMatchObject({
    state: 'SUCCEEDED',
    endedAt: 0,
  });
});

test('a call that is repeated after a crash counts its attempts and has the time of the last one', () => {
  const repeated: Given = [callsRequested('a'), toolStart('a'), resumption(1), 50, toolStart('a', 2)];
  expect(callOf(repeated)).toMatchObject({ state: 'RUNNING', attempts: 2, startedAt: 50 });
});

test('a call whose wait ends is made, or goes on if it has started', () => {
  const repeat: Given = [
    callsRequested('a'),
    toolStart('a'),
    resumption(1),
    approvalRequest('a', { why: 'unknown_outcome' }),
    approvalDecision('a', 'ALLOWED'),
  ];
  expect(callOf(repeat)).toMatchObject({ state: 'REQUESTED', attempts: 1 });
  const question: Given = [waitRequest('a', 'QUESTION'), waitSettled('a', 'ANSWERED', 'QUESTION')];
  expect(callOf(callsRequested('a'), question)).toMatchObject({ state: 'REQUESTED' });
  expect(callOf(callsRequested('a'), toolStart('a'), question)).toMatchObject({ state: 'RUNNING' });
});

test('the events of other types say nothing about calls', () => {
  const tapes: Given[] = [
    [callsRequested('a'), toolDecision('a', 'DENY')],
    [awaitingApproval('a'), approvalDecision('a', 'DENIED')],
    awaitingApproval('a'),
    [callsRequested('a'), waitRequest('a')],
    [callsRequested('a'), toolStart('a'), waitRequest('a', 'QUESTION'), waitSettled('a', 'ANSWERED', 'QUESTION')],
    [callsRequested('a'), toolStart('a'), toolProgress('a'), toolResult('a')],
    [callsRequested('a'), status('IN_PROGRESS', 'CANCELLED')],
  ];
  for (const given of tapes) {
    const events = tape(given);
    expect(toolCallsOf(events.filter(({ type }) => toolCallEventTypes.includes(type)))).toEqual(toolCallsOf(events));
  }
});

test('calls are in the order of the tape, with their steps, and other events are not needed', () => {
  const given = [
    inProgress,
    context(1),
    output(1, { calls: ['b', 'a'] }),
    [toolStart('a'), toolStart('b'), toolResult('a'), toolResult('b')],
    context(2),
    output(2, { calls: ['c'] }),
  ];
  const events = tape(given);
  const calls = toolCallsOf(events);
  expect(calls.map(({ callId, step, state }) => [callId, step, state])).toEqual([
    ['b', 1, 'SUCCEEDED'],
    ['a', 1, 'SUCCEEDED'],
    ['c', 2, 'REQUESTED'],
  ]);
  expect(toolCallsOf(events.filter(({ type }) => toolCallEventTypes.includes(type)))).toEqual(calls);
  const second = events.findLastIndex(({ type }) => type === 'output');
  expect(toolCallsOf(events.slice(second))).toEqual(calls.slice(2));
  // The start of the part is within the first step, so the results of its calls are ignored.
  expect(toolCallsOf(events.slice(second - 3))).toEqual(calls.slice(2));
});
