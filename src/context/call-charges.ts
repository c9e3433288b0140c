import { BUDGET_LEAST_ANSWER_TOKENS } from '../config/limits.ts';
import type { Database } from '../database/database.ts';
import {
  accountsOf,
  type Budget,
  type ChargedCaller,
  type ExceededBudget,
  type PlannedCall,
  reserve,
} from '../domain/budget.ts';
import { chargeAtOnce, correctCharge, type UsedAmounts } from '../repositories/budget-ledger.ts';

/** A call of a model that fits into every budget. */
export interface ReservedCall {
  kind: 'reserved';
  /** The longest answer that the budgets allow; null if none applies. */
  maxOutputTokens: number | null;
  /** Charges what the call used, and releases the rest. */
  settle(used: UsedAmounts): Promise<void>;
}

/** For calls that no budget applies to. */
export const freeCall: ReservedCall = { kind: 'reserved', maxOutputTokens: null, settle: async () => {} };

/** Charges the model calls that no run makes: embeddings, and summaries that clients request. */
export interface CallCharges {
  /** Charges what a call may use at most. It neither waits for calls in progress nor asks a person. */
  reserve(caller: ChargedCaller, planned: PlannedCall): Promise<ReservedCall | ExceededBudget>;
}

interface Dependencies {
  database: Database;
  /** Epoch milliseconds. */
  now(): number;
  budgets(): readonly Budget[];
}

export function createCallCharges({ database, now, budgets }: Dependencies): CallCharges {
  return {
    async reserve(caller, planned) {
      const applying = accountsOf(budgets(), caller, now());
      if (applying.length === 0) return freeCall;
      const { owner } = caller;
      const accounts = [...new Map(applying.map(({ account }) => [account.key, account])).values()];
      const decision = await chargeAtOnce(database, owner, accounts, (uses) => {
        const states = applying.map((each) => {
          const use = uses.get(each.account.key) ?? { spent: 0, reserved: 0 };
          return { ...each, use, increase: null };
        });
        return reserve(states, planned, BUDGET_LEAST_ANSWER_TOKENS);
      });
      if (decision.kind === 'exceeded') return decision;
      const { outputTokens: maxOutputTokens, amounts } = decision;
      const settle = (used: UsedAmounts) => correctCharge(database, owner, accounts, amounts, used);
      return { kind: 'reserved', maxOutputTokens, settle };
    },
  };
}
