import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type AccountUse,
  accountOf,
  accountsOf,
  type Budget,
  type BudgetState,
  increasedAccount,
  increaseId,
  type PlannedCall,
  periodAt,
  reserve,
  roomIn,
} from '../../../src/domain/budget.ts';
import { budgetRequestOf, describeNeed } from '../../../src/domain/budget-request.ts';

const run = { runId: 'run_1', sessionId: 'session_1', agent: { id: 'agent_1', name: 'clerk' }, owner: 'ada' };
const now = Date.UTC(2026, 10, 26, 22, 45, 30);

const budget = (changes: Partial<Budget> = {}): Budget => ({
  appliesTo: 'PRINCIPAL',
  agent: null,
  period: 'TOTAL',
  kind: 'TOKENS',
  allowance: 1000,
  onLimit: 'fail',
  ...changes,
});

function state(changes: Partial<Budget>, use: { spent?: number; reserved?: number } = {}): BudgetState {
  const ofBudget = budget(changes);
  const account = accountOf(ofBudget, run, now);
  if (!account) throw new Error('The budget applies to the run.');
  return { budget: ofBudget, account, use: { spent: 0, reserved: 0, ...use }, increase: null };
}

const call: PlannedCall = { inputTokens: 100, outputTokens: 400, price: { input: 0.01, output: 0.05 } };

describe('the account of a budget', () => {
  test('is one for each subject, period and kind', () => {
    const key = (changes: Partial<Budget>, of = run, at = now) => accountOf(budget(changes), of, at)?.key;
    const keys = (['RUN', 'SESSION', 'AGENT', 'PRINCIPAL'] as const).flatMap((appliesTo) =>
      (['HOUR', 'DAY', 'MONTH', 'TOTAL'] as const).flatMap((period) =>
        (['COST', 'TOKENS'] as const).map((kind) => key({ appliesTo, period, kind })),
      ),
    );
    expect(new Set(keys).size).toBe(32);
    expect(key({ allowance: 5 })).toBe(key({}));
    expect(key({}, { ...run, owner: 'ben' })).not.toBe(key({}));
    expect(key({ appliesTo: 'AGENT', agent: 'clerk' })).toBe(key({ appliesTo: 'AGENT' }));
    expect(key({ appliesTo: 'AGENT', agent: 'writer' })).toBeUndefined();
    expect(key({}, { ...run, owner: 'ada TOTAL' })).not.toBe(key({}));
    expect(key({ appliesTo: 'RUN' }, { ...run, runId: 'run_2' })).not.toBe(key({ appliesTo: 'RUN' }));
    expect(key({ appliesTo: 'SESSION' }, { ...run, sessionId: 'session_2' })).not.toBe(key({ appliesTo: 'SESSION' }));
    expect(key({ appliesTo: 'AGENT' }, { ...run, agent: { id: 'agent_2', name: 'clerk' } })).not.toBe(
      key({ appliesTo: 'AGENT' }),
    );
    expect(key({ period: 'HOUR' }, run, now + 3_600_000)).not.toBe(key({ period: 'HOUR' }));
    expect(key({ period: 'DAY' }, run, now + 3_600_000)).toBe(key({ period: 'DAY' }));
  });

  test('does not exist for an agent if the run has none', () => {
    const withoutAgent = { ...run, agent: null };
    expect(accountOf(budget({ appliesTo: 'AGENT' }), withoutAgent, now)).toBeNull();
    const [ofAgent, ofRun] = [budget({ appliesTo: 'AGENT' }), budget({ appliesTo: 'RUN' })];
    expect(accountsOf([ofAgent, ofRun], withoutAgent, now)).toEqual([
      { budget: ofRun, account: accountOf(ofRun, withoutAgent, now) },
    ]);
  });
});

test('periods begin and end in UTC', () => {
  expect(periodAt('HOUR', now)).toEqual({
    startsAt: Date.UTC(2026, 10, 26, 22),
    endsAt: Date.UTC(2026, 10, 26, 23),
  });
  expect(periodAt('DAY', now)).toEqual({ startsAt: Date.UTC(2026, 10, 26), endsAt: Date.UTC(2026, 10, 27) });
  expect(periodAt('MONTH', Date.UTC(2026, 11, 31, 23))).toEqual({
    startsAt: Date.UTC(2026, 11, 1),
    endsAt: Date.UTC(2027, 0, 1),
  });
  expect(periodAt('HOUR', Date.UTC(2026, 11, 31, 23, 59))).toEqual({
    startsAt: Date.UTC(2026, 11, 31, 23),
    endsAt: Date.UTC(2027, 0, 1),
  });
  expect(periodAt('TOTAL', now)).toEqual({ startsAt: 0, endsAt: null });
});

/** The budget with what a person allowed the run on top. */
function increased(of: BudgetState, amount: number, use: Partial<AccountUse> = {}): BudgetState {
  const account = increasedAccount(increaseId(of.budget, of.account), run.runId, of.account);
  return { ...of, increase: { amount, account, use: { spent: 0, reserved: 0, ...use } } };
}

describe('what a person allowed a run on top of a budget', () => {
  const askingBudget = () => state({ period: 'DAY', onLimit: 'ask' }, { spent: 900 });

  test('has an account of its own, for each run, budget and period', () => {
    const { account, budget: own } = askingBudget();
    const id = increaseId(own, account);
    const { key, kind, endsAt } = increasedAccount(id, 'run_1', account);
    expect({ kind, endsAt }).toEqual({ kind: account.kind, endsAt: account.endsAt });
    const tomorrow = accountOf(own, run, now + 86_400_000);
    const others = [
      account.key,
      increasedAccount(id, 'run_2', account).key,
      increasedAccount(increaseId({ ...own, allowance: 2000 }, account), 'run_1', account).key,
      tomorrow && increasedAccount(increaseId(own, tomorrow), 'run_1', tomorrow).key,
    ];
    expect(others).not.toContain(key);
  });

  test('is all that the run uses, and other budgets count it', () => {
    const hard = state({ period: 'DAY', allowance: 1200 }, { spent: 900 });
    const raised = increased(askingBudget(), 500, { spent: 250 });
    expect(roomIn(raised)).toBe(250);
    const decision = reserve([raised, hard], call, 50);
    expect(decision).toEqual({
      kind: 'reserved',
      outputTokens: 150,
      amounts: new Map([
        [raised.increase?.account.key, 250],
        [hard.account.key, 250],
      ]),
    });
  });

  test('is asked for again when it is used up, with everything that was used', () => {
    const raised = increased(askingBudget(), 500, { spent: 400 });
    const decision = reserve([raised], call, 50);
    if (decision.kind !== 'exceeded') throw new Error('The call fits.');
    const request = budgetRequestOf(decision);
    expect(request).toMatchObject({ spent: 1300, allowance: 1500, needed: 500, appliesTo: 'PRINCIPAL', period: 'DAY' });
    expect(describeNeed(request)).toBe(
      'The next model call does not fit into the budget of the principal today (UTC): tokens used 1300 of 1500, and the call needs up to 500.',
    );
  });

  test('is asked for with what calls in progress have reserved, in the unit of the budget', () => {
    const costly = state(
      { kind: 'COST', period: 'HOUR', appliesTo: 'SESSION', allowance: 10 },
      { spent: 6.1, reserved: 2.2 },
    );
    const requestOf = (of: BudgetState) =>
      budgetRequestOf({ kind: 'exceeded', state: of, needed: 21, isBlocked: false });
    expect(requestOf(costly)).toEqual({
      budget: 'COST',
      appliesTo: 'SESSION',
      period: 'HOUR',
      increases: `${costly.account.key} 10`,
      spent: 6.1 + 2.2,
      allowance: 10,
      needed: 21,
    });
    expect(describeNeed(requestOf(costly))).toBe(
      'The next model call does not fit into the budget of the session in this hour: cost used 8.3 of 10, and the call needs up to 21.',
    );
    expect(requestOf(increased(costly, 5, { spent: 1, reserved: 3 }))).toMatchObject({ spent: 12.3, allowance: 15 });
  });

  test('is not asked for if another budget fails the run anyway, and before a budget that calls in progress block', () => {
    const asking = askingBudget();
    const failing = state({ appliesTo: 'RUN' }, { spent: 900 });
    const blocked = state({ appliesTo: 'SESSION' }, { spent: 100, reserved: 800 });
    const firstOf = (...states: BudgetState[]) => {
      const decision = reserve(states, call, 50);
      return decision.kind === 'exceeded' && decision.state;
    };
    expect(firstOf(asking, failing)).toBe(failing);
    expect(firstOf(blocked, asking)).toBe(asking);
    expect(firstOf(blocked, asking, failing)).toBe(failing);
  });
});

describe('a reservation', () => {
  test('covers the request and the longest answer in each account', () => {
    const [tokens, cost] = [state({}), state({ kind: 'COST', appliesTo: 'SESSION', allowance: 100 })];
    expect(reserve([tokens, cost], call, 50)).toEqual({
      kind: 'reserved',
      outputTokens: 400,
      amounts: new Map([
        [tokens.account.key, 500],
        [cost.account.key, 21],
      ]),
    });
    expect(reserve([], call, 50)).toEqual({ kind: 'reserved', outputTokens: 400, amounts: new Map() });
  });

  test('shortens the answer to what is left, down to a least length', () => {
    const almostSpent = (spent: number) => reserve([state({}, { spent, reserved: 100 })], call, 50);
    expect(almostSpent(750)).toMatchObject({ kind: 'reserved', outputTokens: 50 });
    expect(almostSpent(751)).toMatchObject({ kind: 'exceeded', needed: 500, isBlocked: true });
    expect(almostSpent(850)).toMatchObject({ kind: 'exceeded', isBlocked: true });
    expect(almostSpent(851)).toMatchObject({ kind: 'exceeded', needed: 500, isBlocked: false });
    const costly = (spent: number) => reserve([state({ kind: 'COST', allowance: 10 }, { spent })], call, 50);
    expect(costly(6)).toMatchObject({ kind: 'reserved', outputTokens: 60 });
    expect(costly(6.6)).toMatchObject({ kind: 'exceeded', isBlocked: false });
    expect(costly(9.5)).toMatchObject({ kind: 'exceeded', needed: 21, isBlocked: false });
  });

  test('is shortened by the tightest budget', () => {
    const states = [state({ allowance: 300 }), state({ appliesTo: 'RUN', allowance: 200 })];
    expect(reserve(states, call, 50)).toMatchObject({ outputTokens: 100 });
  });

  test('accepts a model that answers briefly by itself', () => {
    expect(reserve([state({ allowance: 110 })], { ...call, outputTokens: 10 }, 50)).toMatchObject({ outputTokens: 10 });
  });

  test('is not limited by the length of answers that cost nothing', () => {
    const free = { ...call, price: { input: 0.01, output: 0 } };
    expect(reserve([state({ kind: 'COST', allowance: 1 })], free, 50)).toMatchObject({ outputTokens: 400 });
    expect(reserve([state({ kind: 'COST', allowance: 0.5 })], free, 50)).toMatchObject({ kind: 'exceeded' });
  });

  test('of a model without a price does not fit into a budget of cost', () => {
    expect(reserve([state({ kind: 'COST' })], { ...call, price: null }, 50)).toMatchObject({ kind: 'exceeded' });
  });

  test('never exceeds the room of any account', () => {
    const anyState = fc
      .record({
        kind: fc.constantFrom('COST' as const, 'TOKENS' as const),
        allowance: fc.double({ min: 0, max: 10_000, noNaN: true }),
        spent: fc.double({ min: 0, max: 10_000, noNaN: true }),
        reserved: fc.double({ min: 0, max: 1000, noNaN: true }),
        increase: fc.option(fc.double({ min: 0, max: 10_000, noNaN: true, minExcluded: true })),
      })
      .map(({ kind, allowance, spent, reserved, increase }) => {
        const plain = state({ kind, allowance, onLimit: 'ask' }, { spent, reserved });
        return increase === null ? plain : increased(plain, increase, { spent: Math.min(spent, increase) });
      });
    const anyCall = fc.record({
      inputTokens: fc.nat(5000),
      outputTokens: fc.integer({ min: 1, max: 5000 }),
      price: fc.record({ input: fc.constantFrom(0, 0.01, 3), output: fc.constantFrom(0, 0.05, 15) }),
    });
    fc.assert(
      fc.property(fc.array(anyState, { maxLength: 4 }), anyCall, (states, planned) => {
        const decision = reserve(states, planned, 50);
        if (decision.kind === 'exceeded') return;
        expect(decision.outputTokens).toBeGreaterThanOrEqual(Math.min(50, planned.outputTokens));
        for (const each of states) {
          expect(decision.amounts.get((each.increase ?? each).account.key)).toBeLessThanOrEqual(roomIn(each) + 1e-6);
        }
      }),
    );
  });
});
