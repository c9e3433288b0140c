import type { Clock } from '../clock.ts';
import { BUDGET_LEAST_ANSWER_TOKENS, BUDGET_WAIT_SECONDS } from '../config/limits.ts';
import { freeCall, type ReservedCall } from '../context/call-charges.ts';
import type { Database } from '../database/database.ts';
import { createKeyedMutex } from '../database/mutex.ts';
import {
  accountsOf,
  type Budget,
  type BudgetAccount,
  type BudgetDecision,
  type BudgetIncreases,
  type BudgetState,
  type ChargedCaller,
  type ExceededBudget,
  increasedAccount,
  increaseId,
  type PlannedCall,
  reserve,
} from '../domain/budget.ts';
import { type BudgetCall, reserveBudget, settleBudget, type UsedAmounts } from '../repositories/budget-ledger.ts';

/** The run that calls a model, and what people allowed it on top of budgets. */
type ChargedRun = ChargedCaller & { runId: string; increases: BudgetIncreases };

/** The budgets, as this server charges them. */
export interface Spending {
  /**
   * Reserves what a call may use at most. Where calls in progress have reserved what is left, it waits for them, up to
   * BUDGET_WAIT_SECONDS. Rejects with the signal's reason if the signal aborts.
   */
  reserve(
    run: ChargedRun & { epoch: number },
    budgets: readonly Budget[],
    planned: PlannedCall,
    signal: AbortSignal,
  ): Promise<ReservedCall | ExceededBudget>;
}

/** Between two looks at a budget that calls in progress have reserved. */
const POLL_MILLISECONDS = 100;

export function createSpending({ database, clock }: { database: Database; clock: Clock }): Spending {
  // One call of a principal asks the database at a time, in the order in which they came. The others would only hold it up.
  const turns = createKeyedMutex();

  function tryToReserve(
    run: ChargedRun,
    call: BudgetCall,
    budgets: readonly Budget[],
    planned: PlannedCall,
  ): Promise<BudgetDecision> | null {
    const now = clock.now();
    const applying = accountsOf(budgets, run, now).map(({ budget, account }) => ({
      budget,
      account,
      increase: increaseOf(budget, account, run),
    }));
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
      if (budgets.length === 0) return freeCall;
      const call = { runId: run.runId, epoch, owner: run.owner };
      const waitsUntil = clock.elapsed() + BUDGET_WAIT_SECONDS * 1000;
      return turns.run(run.owner, async () => {
        for (;;) {
          signal.throwIfAborted();
          const decision = await tryToReserve(run, call, budgets, planned);
          if (decision === null) return freeCall;
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
  { runId, increases }: ChargedRun,
): Omit<NonNullable<BudgetState['increase']>, 'use'> | null {
  const id = increaseId(budget, account);
  const amount = budget.onLimit === 'ask' ? (increases[id] ?? 0) : 0;
  return amount === 0 ? null : { amount, account: increasedAccount(id, runId, account) };
}
