import { describe, expect, test } from 'vitest';
import {
  type AccountUse,
  type BudgetAccount,
  type BudgetDecision,
  type BudgetState,
  reserve,
} from '../../../src/domain/budget.ts';
import {
  chargeAbandonedCalls,
  chargeAtOnce,
  correctCharge,
  dropEndedAccounts,
  reserveBudget,
  settleBudget,
} from '../../../src/repositories/budget-ledger.ts';
import { sequence } from '../appends.ts';
import { type Store, stores } from './both-stores.ts';

const owner = 'ada';
const tokens: BudgetAccount = { key: 'PRINCIPAL ada TOKENS', kind: 'TOKENS', endsAt: null };
const cost: BudgetAccount = { key: 'PRINCIPAL ada COST', kind: 'COST', endsAt: Date.UTC(2026, 10, 27) };

/** Decides by an allowance of tokens, or of any amount if there is none. */
function deciding(allowance: number, amounts: Record<string, number>) {
  return (uses: ReadonlyMap<string, AccountUse>): BudgetDecision => {
    const states = [...uses].map(([key, use]): BudgetState => {
      const account = key === cost.key ? cost : tokens;
      const budget = {
        appliesTo: 'PRINCIPAL',
        agent: null,
        period: 'TOTAL',
        kind: account.kind,
        allowance,
        onLimit: 'fail',
      } as const;
      return { account, use, budget, increase: null };
    });
    const call = { inputTokens: amounts[tokens.key] ?? 0, outputTokens: 0, price: { input: 1, output: 1 } };
    return reserve(states, call, 0);
  };
}

async function stateOf({ database }: Store) {
  return {
    use: Object.fromEntries((await database.reader.budgetUse.findMany()).map(({ key, spent }) => [key, spent])),
    reserved: await database.reader.budgetReservation.count(),
  };
}

describe.each(stores)('B94: the ledger of budgets on %s', (_provider, open) => {
  const ofRun = (runId: string, epoch = 1) => ({ runId, epoch, owner });

  test('keeps what a call may use, and charges what it used', async () => {
    const store = await open();
    const { database } = store;
    const decided = await reserveBudget(database, ofRun('run_1'), [tokens, cost], deciding(100, { [tokens.key]: 60 }));
    expect(decided).toMatchObject({ kind: 'reserved' });
    const other = await reserveBudget(database, ofRun('run_2'), [tokens], deciding(100, { [tokens.key]: 60 }));
    expect(other).toMatchObject({ kind: 'exceeded', isBlocked: true, state: { use: { spent: 0, reserved: 60 } } });
    await settleBudget(database, ofRun('run_1'), { TOKENS: 30, COST: 0.5 });
    expect(await stateOf(store)).toEqual({ use: { [tokens.key]: 30, [cost.key]: 0.5 }, reserved: 0 });
    await settleBudget(database, ofRun('run_1'), { TOKENS: 30, COST: 0.5 });
    expect(await stateOf(store)).toEqual({ use: { [tokens.key]: 30, [cost.key]: 0.5 }, reserved: 0 });
    expect(await reserveBudget(database, ofRun('run_2'), [tokens], deciding(100, { [tokens.key]: 60 }))).toMatchObject({
      kind: 'reserved',
    });
  });

  test('never reserves more than the allowance for calls that begin at the same time', async () => {
    const store = await open();
    const decisions = await Promise.all(
      sequence(40).map((index) =>
        reserveBudget(store.database, ofRun(`run_${index}`), [tokens], deciding(100, { [tokens.key]: 9 })),
      ),
    );
    expect(decisions.filter(({ kind }) => kind === 'reserved')).toHaveLength(11);
    await Promise.all(
      sequence(40).map((index) => settleBudget(store.database, ofRun(`run_${index}`), { TOKENS: 9, COST: 0 })),
    );
    expect(await stateOf(store)).toEqual({ use: { [tokens.key]: 99 }, reserved: 0 });
  });

  test('charges a call as a whole when its executor is lost, once', async () => {
    const store = await open();
    const { database } = store;
    const amounts = { [tokens.key]: 60 };
    await reserveBudget(database, ofRun('run_1', 1), [tokens], deciding(1000, amounts));
    // The next executor of the run.
    await reserveBudget(database, ofRun('run_1', 2), [tokens], deciding(1000, amounts));
    expect(await stateOf(store)).toEqual({ use: { [tokens.key]: 60 }, reserved: 1 });
    // The lost executor is alive after all.
    await settleBudget(database, ofRun('run_1', 1), { TOKENS: 5, COST: 0 });
    expect(await stateOf(store)).toEqual({ use: { [tokens.key]: 60 }, reserved: 1 });
    await chargeAbandonedCalls(database);
    expect(await stateOf(store)).toEqual({ use: { [tokens.key]: 120 }, reserved: 0 });
    await chargeAbandonedCalls(database);
    expect(await stateOf(store)).toEqual({ use: { [tokens.key]: 120 }, reserved: 0 });
  });

  test('charges a call that no run makes at once, and then what it used', async () => {
    const store = await open();
    const { database } = store;
    const planned = deciding(100, { [tokens.key]: 60 });
    const decided = await chargeAtOnce(database, owner, [tokens, cost], planned);
    if (decided.kind !== 'reserved') throw new Error('The call does not fit.');
    expect(await stateOf(store)).toEqual({ use: { [tokens.key]: 60, [cost.key]: 60 }, reserved: 0 });
    expect(await chargeAtOnce(database, owner, [tokens], planned)).toMatchObject({
      kind: 'exceeded',
      isBlocked: false,
    });
    await correctCharge(database, owner, [tokens, cost], decided.amounts, { TOKENS: 30, COST: 0.5 });
    expect(await stateOf(store)).toEqual({ use: { [tokens.key]: 30, [cost.key]: 0.5 }, reserved: 0 });
  });

  test('deletes the accounts of periods that have ended', async () => {
    const store = await open();
    const { database } = store;
    await reserveBudget(database, ofRun('run_1'), [tokens, cost], deciding(1000, { [tokens.key]: 60 }));
    await settleBudget(database, ofRun('run_1'), { TOKENS: 1, COST: 1 });
    await dropEndedAccounts(database, new Date(Date.UTC(2026, 10, 27)));
    expect((await stateOf(store)).use).toEqual({ [tokens.key]: 1, [cost.key]: 1 });
    await dropEndedAccounts(database, new Date(Date.UTC(2026, 10, 27, 1)));
    expect((await stateOf(store)).use).toEqual({ [tokens.key]: 1 });
  });
});
