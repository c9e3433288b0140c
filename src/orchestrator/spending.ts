import type { Clock } from '../clock.ts';
import { BUDGET_LEAST_ANSWER_TOKENS, BUDGET_WAIT_SECONDS } from '../config/limits.ts';
import { freeCall, type ReservedCall } from '../context/call-charges.ts';
import type { Database } from '../database/database.ts';
import { createKeyedMutex } from '../database/mutex.ts';
import {
  type AccountUse,
  accountsOf,
  type Budget,
  type BudgetAccount,
  type BudgetDecision,
  type BudgetIncreases,
  type BudgetState,
  type ChargedCaller,
  chargedAccount,
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
   * BUDGET_WAIT_SECONDS, after those that wait for the same account. Rejects with the signal's reason if the signal aborts.
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

/** A budget that applies to a run, and what people allowed the run on top of it; `increase` is null if they allowed nothing. */
interface ApplyingBudget {
  budget: Budget;
  account: BudgetAccount;
  increase: Omit<NonNullable<BudgetState['increase']>, 'use'> | null;
}

export function createSpending({ database, clock }: { database: Database; clock: Clock }): Spending {
  // One call of a principal asks the database at a time. The others would only hold it up.
  const turns = createKeyedMutex();
  // The calls that wait for an account, in the order in which they came. The first one asks; calls that need other accounts go on.
  const queues = createKeyedMutex();

  /** Starts `work` when the queue reaches it. Rejects at once if the signal aborts before that; afterwards `work` watches the signal itself. */
  async function inQueue<Result>(key: string, work: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
    let leave = () => {};
    const left = new Promise<never>((_, reject) => {
      leave = () => reject(signal.reason);
    });
    const stopListening = () => signal.removeEventListener('abort', leave);
    signal.throwIfAborted();
    signal.addEventListener('abort', leave);
    const begin = () => {
      stopListening();
      return work();
    };
    try {
      return await Promise.race([queues.run(key, begin), left]);
    } finally {
      stopListening();
    }
  }

  function tryToReserve(
    call: BudgetCall,
    applying: readonly ApplyingBudget[],
    planned: PlannedCall,
  ): Promise<BudgetDecision> {
    const accounts = applying.flatMap(({ account, increase }) => (increase ? [account, increase.account] : [account]));
    const distinct = [...new Map(accounts.map((account) => [account.key, account])).values()];
    const decide = (uses: ReadonlyMap<string, AccountUse>) => {
      const usedOf = ({ key }: BudgetAccount) => uses.get(key) ?? { spent: 0, reserved: 0 };
      const states = applying.map(({ increase, ...each }): BudgetState => {
        const increased = increase && { ...increase, use: usedOf(increase.account) };
        return { ...each, use: usedOf(each.account), increase: increased };
      });
      return reserve(states, planned, BUDGET_LEAST_ANSWER_TOKENS);
    };
    return turns.run(call.owner, () => reserveBudget(database, call, distinct, decide));
  }

  return {
    async reserve({ epoch, ...run }, budgets, planned, signal) {
      const call = { runId: run.runId, epoch, owner: run.owner };
      const waitsUntil = clock.elapsed() + BUDGET_WAIT_SECONDS * 1000;
      const tryNow = async () => {
        signal.throwIfAborted();
        return tryToReserve(call, applyingTo(run, budgets, clock.now()), planned);
      };
      /** The account that a call in progress has to leave room in first; null if the decision is final. */
      const awaitedIn = (decision: BudgetDecision) =>
        decision.kind === 'exceeded' && decision.isBlocked && clock.elapsed() < waitsUntil
          ? chargedAccount(decision.state).key
          : null;
      /** Returns also when another account is awaited: a call that waits for that one must not hold up those that do not need it. */
      const waitForRoom = async (account: string) => {
        for (;;) {
          const decision = await tryNow();
          if (awaitedIn(decision) !== account) return decision;
          await clock.sleep(POLL_MILLISECONDS, signal);
        }
      };
      const decide = async () => {
        const busy = accounts.find(queues.isBusy);
        let decision = await (busy === undefined ? tryNow() : inQueue(busy, () => waitForRoom(busy), signal));
        for (let awaited = awaitedIn(decision); awaited !== null; awaited = awaitedIn(decision)) {
          const account = awaited;
          decision = await inQueue(account, () => waitForRoom(account), signal);
        }
        return decision;
      };

      const accounts = applyingTo(run, budgets, clock.now()).map((applying) => chargedAccount(applying).key);
      if (accounts.length === 0) return freeCall;
      const decision = await decide();
      if (decision.kind === 'exceeded') return decision;
      const settle = (used: UsedAmounts) => settleBudget(database, call, used);
      return { kind: 'reserved', maxOutputTokens: decision.outputTokens, settle };
    },
  };
}

function applyingTo(run: ChargedRun, budgets: readonly Budget[], now: number): ApplyingBudget[] {
  return accountsOf(budgets, run, now).map(({ budget, account }) => ({
    budget,
    account,
    increase: increaseOf(budget, account, run),
  }));
}

/** What people allowed the run on top of a budget, and its account; null if they allowed nothing. */
function increaseOf(
  budget: Budget,
  account: BudgetAccount,
  { runId, increases }: ChargedRun,
): ApplyingBudget['increase'] {
  const id = increaseId(budget, account);
  const amount = budget.onLimit === 'ask' ? (increases[id] ?? 0) : 0;
  return amount === 0 ? null : { amount, account: increasedAccount(id, runId, account) };
}
