import { describe, expect, test } from 'vitest';
import { type BudgetVerdict, decide, type RunCommand } from '../../../src/domain/decide.ts';
import { nextStep } from '../../../src/domain/next-step.ts';
import { openWaits } from '../../../src/domain/wait.ts';
import {
  awaitingApproval,
  budgetRequest,
  budgetSettled,
  callsRequested,
  context,
  eventsOf,
  expiry,
  type Given,
  inProgress,
  limits,
  refusalOf,
  runOf,
  status,
  toolDecision,
  toolResult,
  toolStart,
} from './given.ts';

const asked: Given = [inProgress, budgetRequest()];
const waiting: Given = [asked, status('IN_PROGRESS', 'AWAITING_APPROVAL')];

const allowing = (increase: number | null = null): BudgetVerdict => ({
  decision: 'ALLOW',
  by: 'eve',
  increase,
  reason: null,
});
const denying: BudgetVerdict = { decision: 'DENY', by: 'eve', reason: null };
const deciding = (verdict: BudgetVerdict, waitId = 'bud_1'): RunCommand => ({ kind: 'decideBudget', waitId, verdict });
const decided = (command: RunCommand, now = 0) => eventsOf(decide(runOf(waiting), command, now));

describe('B95: a budget that asks', () => {
  test('suspends the run before its next model call', () => {
    const run = runOf(asked);
    expect(openWaits(run)).toMatchObject([{ kind: 'BUDGET', id: 'bud_1', expiresAt: expiry }]);
    expect(nextStep(run, limits, 0)).toEqual({ kind: 'transition', command: { kind: 'requestApproval' } });
    expect(nextStep(runOf(waiting), limits, 0)).toEqual({ kind: 'wait' });
  });

  test('lets the run continue with exactly the increase, or with what the call needs', () => {
    for (const [increase, granted] of [
      [null, 500],
      [1.5, 1.5],
    ] as const) {
      const events = decided(deciding(allowing(increase)));
      expect(events).toMatchObject([
        {
          type: 'wait_settled',
          actor: 'USER',
          payload: { outcome: 'ALLOWED', granted, decidedBy: 'eve', callId: null },
        },
        { type: 'status', payload: { from: 'AWAITING_APPROVAL', to: 'IN_PROGRESS' } },
      ]);
      const run = runOf(waiting, events);
      expect(run).toMatchObject({ budgetWait: null, budgetIncreases: { 'today 1000': granted } });
      expect(openWaits(run)).toEqual([]);
      expect(nextStep(run, limits, 0)).toEqual({ kind: 'call-model', step: 1 });
    }
  });

  test('adds up what a run was allowed on top, for each budget and period', () => {
    const again = (increases: string, granted: number): Given => [
      budgetRequest({ increases }),
      status('IN_PROGRESS', 'AWAITING_APPROVAL'),
      budgetSettled('ALLOWED', granted),
      status('AWAITING_APPROVAL', 'IN_PROGRESS'),
    ];
    const run = runOf(inProgress, again('today 1000', 100), again('today 1000', 20), again('tomorrow 1000', 3));
    expect(run.budgetIncreases).toEqual({ 'today 1000': 120, 'tomorrow 1000': 3 });
    expect(runOf(waiting, budgetSettled('DENIED')).budgetIncreases).toEqual({});
    expect(runOf(inProgress, budgetSettled('ALLOWED', 5)).budgetIncreases).toEqual({});
  });

  test('fails the run when it is denied', () => {
    const error = {
      code: 'BUDGET',
      message:
        'The next model call does not fit into the budget of the principal today (UTC), and a person did not raise it.',
      retryable: false,
    };
    expect(decided(deciding(denying))).toMatchObject([
      { type: 'wait_settled', actor: 'USER', payload: { outcome: 'DENIED', granted: null, decidedBy: 'eve' } },
      { type: 'status', actor: 'SYSTEM', payload: { to: 'FAILED', error } },
    ]);
    expect(decided(deciding({ ...denying, reason: 'Too dear.' }))[1]).toMatchObject({
      payload: { error: { message: expect.stringMatching(/a person did not raise it: Too dear\.$/) } },
    });
  });

  test.each(['deny', 'fail'] as const)('fails the run when it expires, also where approvals then %s', (onExpiry) => {
    expect(decided({ kind: 'expireWait', waitId: 'bud_1', onExpiry }, expiry)).toMatchObject([
      { type: 'wait_settled', actor: 'SYSTEM', payload: { outcome: 'EXPIRED', granted: null } },
      { payload: { to: 'FAILED', error: { code: 'BUDGET', message: expect.stringContaining('nobody raised it') } } },
    ]);
  });

  test('is withdrawn when the run is cancelled', () => {
    expect(decided({ kind: 'cancel', reason: null })).toMatchObject([
      { type: 'wait_settled', payload: { outcome: 'WITHDRAWN', kind: 'BUDGET' } },
      { payload: { to: 'CANCELLED' } },
    ]);
  });

  test('is settled once: neither late, nor after the end, nor as another kind', () => {
    const refused = (given: Given, command: RunCommand, now = 0) => refusalOf(decide(runOf(given), command, now));
    const settled = { kind: 'wait-settled', waitId: 'bud_1' };
    const result = { ok: false, error: 'no' } as const;
    for (const verdict of [allowing(), denying]) {
      expect(refused(waiting, deciding(verdict), expiry)).toMatchObject(settled);
      expect(refused(waiting, deciding(verdict, 'bud_2'))).toMatchObject({ kind: 'wait-settled', waitId: 'bud_2' });
      expect(refused([waiting, decided(deciding(denying))], deciding(verdict))).toMatchObject(settled);
      expect(refused([waiting, decided(deciding(allowing()))], deciding(verdict))).toMatchObject(settled);
    }
    expect(refused(waiting, { kind: 'submitToolResult', waitId: 'bud_1', by: 'eve', result })).toMatchObject(settled);
    const reply = { action: 'DECLINE' } as const;
    expect(refused(waiting, { kind: 'answerQuestion', waitId: 'bud_1', by: 'eve', reply, reason: null })).toMatchObject(
      settled,
    );
    for (const verdict of [allowing(), denying]) {
      expect(refused(awaitingApproval('a'), deciding(verdict, 'apr_a'))).toMatchObject({ waitId: 'apr_a' });
    }
  });

  test('follows the calls of the step before, and ends a model call that another model began', () => {
    const afterCalls: Given = [callsRequested('a'), toolDecision('a', 'ALLOW'), toolStart('a'), toolResult('a')];
    const run = runOf(afterCalls, budgetRequest(), status('IN_PROGRESS', 'AWAITING_APPROVAL'));
    const events = eventsOf(decide(run, deciding(allowing()), 0));
    expect(
      nextStep(runOf(afterCalls, budgetRequest(), status('IN_PROGRESS', 'AWAITING_APPROVAL'), events), limits, 0),
    ).toEqual({
      kind: 'call-model',
      step: 2,
    });
    expect(runOf(inProgress, context(1), budgetRequest()).step).toEqual({ at: 'idle' });
    expect(run.step).toMatchObject({ at: 'answered', calls: [{ callId: 'a' }] });
  });
});
