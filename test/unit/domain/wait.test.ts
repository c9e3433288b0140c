import { expect, test } from 'vitest';
import { waitOutcomes } from '../../../src/domain/events.ts';
import { openWaits, outcomeOf, statusesIn, waitChangeOf, waitStateOf, waitStates } from '../../../src/domain/wait.ts';
import {
  approvalDecision,
  approvalRequest,
  callsRequested,
  context,
  expiry,
  input,
  output,
  runOf,
  status,
  tape,
  toolDecision,
  toolStart,
} from './given.ts';

const asked = [
  input('hello'),
  status(null, 'PENDING'),
  status('PENDING', 'IN_PROGRESS', { turn: 1 }),
  context(1),
  ...output(1, { calls: ['a', 'b'] }),
  approvalRequest('a'),
  approvalRequest('b'),
];

test('a run waits for what was requested and not settled, in the order of its calls', () => {
  expect(openWaits(runOf(asked))).toMatchObject([
    { kind: 'APPROVAL', id: 'apr_a', expiresAt: expiry, call: { callId: 'a' } },
    { kind: 'APPROVAL', id: 'apr_b', expiresAt: expiry, call: { callId: 'b' } },
  ]);
  expect(openWaits(runOf(asked, approvalDecision('a', 'ALLOWED')))).toMatchObject([{ id: 'apr_b' }]);
  expect(openWaits(runOf(input('hello')))).toEqual([]);
  expect(openWaits(runOf(callsRequested('a', 'b'), toolDecision('a', 'ALLOW'), toolStart('a')))).toEqual([]);
});

test('the events that open and settle a wait say so, and no others', () => {
  const events = tape(asked, approvalDecision('a', 'DENIED'), status('IN_PROGRESS', 'AWAITING_APPROVAL'));
  expect(events.flatMap((event) => waitChangeOf(event) ?? [])).toEqual([
    { change: 'opened', kind: 'APPROVAL', id: 'apr_a', callId: 'a', expiresAt: expiry },
    { change: 'opened', kind: 'APPROVAL', id: 'apr_b', callId: 'b', expiresAt: expiry },
    expect.objectContaining({ change: 'settled', kind: 'APPROVAL', id: 'apr_a', callId: 'a', status: 'DENIED' }),
  ]);
});

test('every status has one state, and a pending wait has no outcome', () => {
  const statuses = ['PENDING', ...waitOutcomes] as const;
  expect(statuses.map(waitStateOf)).toEqual(['OPEN', ...Array(7).fill('SETTLED'), 'EXPIRED', 'WITHDRAWN']);
  expect(statuses.map(outcomeOf)).toEqual([null, ...waitOutcomes]);
  expect(waitStates.flatMap((state) => statusesIn([state])).toSorted()).toEqual([...statuses].toSorted());
  expect(statusesIn([])).toEqual([]);
});
