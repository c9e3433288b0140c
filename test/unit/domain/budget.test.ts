import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  accountOf,
  type Budget,
  type BudgetState,
  type PlannedCall,
  periodAt,
  reserve,
  roomIn,
} from '../../../src/domain/budget.ts';

const run = { runId: 'run_1', sessionId: 'session_1', agentId: 'agent_1', owner: 'ada' };
const now = Date.UTC(2026, 10, 26, 22, 45, 30);

const budget = (changes: Partial<Budget> = {}): Budget => ({
  appliesTo: 'PRINCIPAL',
  period: 'TOTAL',
  kind: 'TOKENS',
  allowance: 1000,
  ...changes,
});

function state(changes: Partial<Budget>, use: { spent?: number; reserved?: number } = {}): BudgetState {
  const ofBudget = budget(changes);
  const account = accountOf(ofBudget, run, now);
  if (!account) throw new Error('The budget applies to the run.');
  return { budget: ofBudget, account, use: { spent: 0, reserved: 0, ...use } };
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
    expect(key({}, { ...run, owner: 'ada TOTAL' })).not.toBe(key({}));
    expect(key({ appliesTo: 'RUN' }, { ...run, runId: 'run_2' })).not.toBe(key({ appliesTo: 'RUN' }));
    expect(key({ period: 'HOUR' }, run, now + 3_600_000)).not.toBe(key({ period: 'HOUR' }));
    expect(key({ period: 'DAY' }, run, now + 3_600_000)).toBe(key({ period: 'DAY' }));
  });

  test('does not exist for an agent if the run has none', () => {
    expect(accountOf(budget({ appliesTo: 'AGENT' }), { ...run, agentId: null }, now)).toBeNull();
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
      })
      .map(({ kind, allowance, spent, reserved }) => state({ kind, allowance }, { spent, reserved }));
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
          expect(decision.amounts.get(each.account.key)).toBeLessThanOrEqual(roomIn(each) + 1e-6);
        }
      }),
    );
  });
});
