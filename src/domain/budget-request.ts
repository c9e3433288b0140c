import type { BudgetState, ExceededBudget } from './budget.ts';
import { increaseId } from './budget.ts';
import type { BudgetRequest } from './events.ts';

/** What a person is told about a call that does not fit. Reservations of calls in progress count as spent. */
export function budgetRequestOf({ state, needed }: ExceededBudget): BudgetRequest {
  const { budget, account, increase } = state;
  return {
    budget: budget.kind,
    appliesTo: budget.appliesTo,
    period: budget.period,
    increases: increaseId(budget, account),
    spent: spentOf(state),
    allowance: budget.allowance + (increase?.amount ?? 0),
    needed,
  };
}

function spentOf({ use, increase }: BudgetState): number {
  return use.spent + use.reserved + (increase ? increase.use.spent + increase.use.reserved : 0);
}

const subjects = { RUN: 'the run', SESSION: 'the session', AGENT: 'the agent', PRINCIPAL: 'the principal' } as const;
const periods = { HOUR: ' in this hour', DAY: ' today (UTC)', MONTH: ' in this month (UTC)', TOTAL: '' } as const;

/** Names the budget, like `the budget of the principal today (UTC)`. */
export function nameOfBudget({ appliesTo, period }: Pick<BudgetRequest, 'appliesTo' | 'period'>): string {
  return `the budget of ${subjects[appliesTo]}${periods[period]}`;
}

/** Why a call is not made, in one line. */
export function describeNeed(request: BudgetRequest): string {
  const { budget, spent, allowance, needed } = request;
  const unit = budget === 'TOKENS' ? 'tokens' : 'cost';
  return `The next model call does not fit into ${nameOfBudget(request)}: ${unit} used ${rounded(spent)} of ${rounded(allowance)}, and the call needs up to ${rounded(needed)}.`;
}

/** Without the digits that sums of fractions add. */
const rounded = (amount: number) => Number(amount.toPrecision(12));
