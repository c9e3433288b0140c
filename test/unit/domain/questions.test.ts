import { describe, expect, test } from 'vitest';
import { decide, type RunCommand } from '../../../src/domain/decide.ts';
import type { QuestionReply } from '../../../src/domain/settled-wait.ts';
import { callsOf } from '../../../src/domain/step.ts';
import { openWaits } from '../../../src/domain/wait.ts';
import {
  callsRequested,
  eventsOf,
  expiry,
  type Given,
  refusalOf,
  runOf,
  status,
  toolDecision,
  waitRequest,
  waitSettled,
} from './given.ts';

const waiting: Given = [
  callsRequested('a'),
  toolDecision('a', 'ALLOW'),
  waitRequest('a', 'QUESTION'),
  status('IN_PROGRESS', 'AWAITING_APPROVAL'),
];

const replying = (reply: QuestionReply, reason: string | null = null): RunCommand => ({
  kind: 'answerQuestion',
  waitId: 'wait_a',
  by: 'ada',
  reply,
  reason,
});
const decided = (command: RunCommand, now = 0) => eventsOf(decide(runOf(waiting), command, now));

describe('B96: a question', () => {
  test('is an open wait of its own kind', () => {
    expect(openWaits(runOf(waiting))).toMatchObject([{ kind: 'QUESTION', id: 'wait_a', expiresAt: expiry }]);
    const [call] = callsOf(runOf(waiting, waitSettled('a', 'ANSWERED', 'QUESTION')).step);
    expect(call?.phase).toEqual({ at: 'settled', ok: true });
  });

  test.each([null, 'blue', { size: 5 }])('gives the model the answer %j, and resumes the run', (answer) => {
    expect(decided(replying({ action: 'ANSWER', answer, storedText: null }))).toMatchObject([
      {
        type: 'wait_settled',
        actor: 'USER',
        payload: { kind: 'QUESTION', outcome: 'ANSWERED', answer, decidedBy: 'ada' },
      },
      { type: 'tool_result', payload: { ok: true, output: answer, error: null } },
      { type: 'status', payload: { to: 'IN_PROGRESS' } },
    ]);
  });

  test.each([
    ['DECLINE', 'DECLINED', 'The person declined to answer this question'],
    ['CANCEL', 'CANCELLED', 'The person cancelled the question and wants no more of them'],
  ] as const)('%s is told apart, with and without a reason', (action, outcome, error) => {
    expect(decided(replying({ action }))).toMatchObject([
      { payload: { outcome, answer: null, reason: null } },
      { payload: { ok: false, error: `${error}.` } },
      { type: 'status' },
    ]);
    expect(decided(replying({ action }, 'Not now.'))).toMatchObject([
      { payload: { outcome, reason: 'Not now.' } },
      { payload: { ok: false, error: `${error}: Not now.` } },
      { type: 'status' },
    ]);
  });

  test('gets an error result when it expires, and is settled neither late nor as another kind', () => {
    expect(decided({ kind: 'expireWait', waitId: 'wait_a', onExpiry: 'fail' }, expiry)).toMatchObject([
      { payload: { outcome: 'EXPIRED' } },
      { payload: { ok: false, error: 'Nobody answered the question in time.' } },
      { type: 'status', payload: { to: 'IN_PROGRESS' } },
    ]);
    const run = runOf(waiting);
    const result = { ok: false, error: 'no' } as const;
    for (const [command, now] of [
      [replying({ action: 'DECLINE' }), expiry],
      [{ kind: 'submitToolResult', waitId: 'wait_a', by: 'ada', result }, 0],
    ] as const) {
      expect(refusalOf(decide(run, command, now))).toMatchObject({ kind: 'wait-settled', waitId: 'wait_a' });
    }
  });
});
