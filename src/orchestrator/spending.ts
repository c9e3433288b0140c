import type { Clock } from '../clock.ts';
import { BUDGET_LEAST_ANSWER_TOKENS, BUDGET_WAIT_SECONDS } from '../config/limits.ts';
import type { Database } from '../database/database.ts';
import { createKeyedMutex } from '../database/mutex.ts';
import {
  accountOf,
  type Budget,
  type BudgetAccount,
  type BudgetDecision,
  type BudgetIncreases,
  type BudgetState,
  type ChargedRun,
  type ExceededBudget,
  increasedAccount,
  increaseId,
  type PlannedCall,
  reserve,
} from '../domain/budget.ts';
import { type BudgetCall, reserveBudget, settleBudget, type UsedAmounts } from '../repositories/budget-ledger.ts';

/** A call that fits into every budget. */
export interface ReservedCall {
  kind: 'reserved';
  /** The longest answer that the budgets allow; null if none applies. */
  maxOutputTokens: number | null;
  /** Charges what the call used, and releases the rest. */
  settle(used: UsedAmounts): Promise<void>;
}

/** The budgets, as this server charges them. */
export interface Spending {
  /**
   * Reserves what a call may use at most. Where calls in progress have reserved what is left, it waits for them, up to
   * BUDGET_WAIT_SECONDS. Rejects with the signal's reason if the signal aborts.
   */
  reserve(
    run: ChargedRun & { epoch: number; increases: BudgetIncreases },
    budgets: readonly Budget[],
    planned: PlannedCall,
    signal: AbortSignal,
  ): Promise<ReservedCall | ExceededBudget>;
}

/** Between two looks at a budget that calls in progress have reserved. */
const POLL_MILLISECONDS = 100;

const free: ReservedCall = { kind: 'reserved', maxOutputTokens: null, settle: async () => {} };

export function createSpending({ database, clock }: { database: Database; clock: Clock }): Spending {
  // One call of a principal asks the database at a time, in the order in which they came. The others would only hold it up.
  const turns = createKeyedMutex();

  function tryToReserve(
    run: ChargedRun & { increases: BudgetIncreases },
    call: BudgetCall,
    budgets: readonly Budget[],
    planned: PlannedCall,
  ): Promise<BudgetDecision> | null {
    const now = clock.now();
    const applying = budgets.flatMap((budget) => {
      const account = accountOf(budget, run, now);
      return account ? [{ budget, account, increase: increaseOf(budget, account, run) }] : [];
    });
    if (applying.length === 0) return null;
    const accounts = applying.flatMap(({ account, increase }) => (increase ? [account, increase.account] : [account]));
    const distinct = [...new Map(accounts.map((account) => [account.key, account])).values()];
    return reserveBudget(database, call, distinct, (uses) => {
      const usedOf = ({ key }: BudgetAccount) => uses.get(key) ?? { spent: 0, reserved: 0 };
      const states = applying.map(({ increase, ...each }): BudgetState => {
        const increased = increase && { ...increase, use: usedOf(increase.account) };
        return { ...each, use: usedOf(each.account), increase: increased };
      });
      return reserve(states, planned, BUDGET_LEAST_ANSWER_TOKENS);
    });
  }

  return {
    async reserve({ epoch, ...run }, budgets, planned, signal) {
      if (budgets.length === 0) return free;
      const call = { runId: run.runId, epoch, owner: run.owner };
      const waitsUntil = clock.elapsed() + BUDGET_WAIT_SECONDS * 1000;
      return turns.run(run.owner, async () => {
        for (;;) {
          signal.throwIfAborted();
          const decision = await tryToReserve(run, call, budgets, planned);
          if (decision === null) return free;
          if (decision.kind === 'reserved') {
            const settle = (used: UsedAmounts) => settleBudget(database, call, used);
            return { kind: 'reserved', maxOutputTokens: decision.outputTokens, settle };
          }
          if (!decision.isBlocked || clock.elapsed() >= waitsUntil) return decision;
          await clock.sleep(POLL_MILLISECONDS, signal);
        }
      });
    },
  };
}

/** What people allowed the run on top of a budget, and its account; null if they allowed nothing. */
function increaseOf(
  budget: Budget,
  account: BudgetAccount,
  { runId, increases }: ChargedRun & { increases: BudgetIncreases },
): Omit<NonNullable<BudgetState['increase']>, 'use'> | null {
  const id = increaseId(budget, account);
  const amount = budget.onLimit === 'ask' ? (increases[id] ?? 0) : 0;
  return amount === 0 ? null : { amount, account: increasedAccount(id, runId, account) };
}
