import { expect, test } from 'vitest';
import { changesOf } from '../../../src/domain/activity.ts';
import type { SequencedEvent } from '../../../src/domain/events.ts';

const ids = { runId: 'run_1', sessionId: 'ses_1' };
const event = (type: string, payload: object) => ({ type, payload, recordedAt: 7 }) as SequencedEvent;
const status = (from: string | null, to: string) => event('status', { from, to });

test('a run has one change when it is created, and one for each later state', () => {
  const events = [event('input', {}), status(null, 'PENDING'), status('PENDING', 'IN_PROGRESS')];
  const common = { ...ids, waitId: null, occurredAt: new Date(7) };
  expect(changesOf(ids, events)).toEqual([
    { ...common, kind: 'RUN_CREATED', state: null },
    { ...common, kind: 'RUN_STATE_CHANGED', state: 'IN_PROGRESS' },
  ]);
});

test('a wait has one change when it is opened, and one when it is settled', () => {
  const events = [
    event('approval_request', { approvalId: 'apr_1' }),
    event('approval_decision', { approvalId: 'apr_1', status: 'ALLOWED' }),
  ];
  expect(changesOf(ids, events).map(({ kind, waitId }) => [kind, waitId])).toEqual([
    ['WAIT_OPENED', 'apr_1'],
    ['WAIT_SETTLED', 'apr_1'],
  ]);
});

test('events that no list shows cause no change', () => {
  const types = [
    'thought',
    'output_delta',
    'output',
    'context',
    'tool_call',
    'tool_start',
    'tool_result',
    'resumption',
  ];
  expect(
    changesOf(
      ids,
      types.map((type) => event(type, {})),
    ),
  ).toEqual([]);
});
