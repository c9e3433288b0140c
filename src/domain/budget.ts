/** What a budget adds up: one run, all runs of a session, of an agent, or of a principal. */
export const budgetScopes = ['RUN', 'SESSION', 'AGENT', 'PRINCIPAL'] as const;
export type BudgetScope = (typeof budgetScopes)[number];

/** In UTC. TOTAL: as long as there is what it applies to. */
export const budgetPeriods = ['HOUR', 'DAY', 'MONTH', 'TOTAL'] as const;
export type BudgetPeriod = (typeof budgetPeriods)[number];

/** COST is in the currency of the model catalogue; TOKENS are input and output together. */
export const budgetKinds = ['COST', 'TOKENS'] as const;
export type BudgetKind = (typeof budgetKinds)[number];

/** How much may be used in a period. */
export interface Budget {
  appliesTo: BudgetScope;
  /** Name of the only agent that it applies to; null for every agent. */
  agent: string | null;
  period: BudgetPeriod;
  kind: BudgetKind;
  /** In the unit of its kind. */
  allowance: number;
  /** What happens to a run whose next model call does not fit: it fails, or it waits for a person. */
  onLimit: 'fail' | 'ask';
}

/** Who a model call is charged to. Null for what the call has nothing to do with. */
export interface ChargedCaller {
  runId: string | null;
  sessionId: string | null;
  agent: { id: string; name: string } | null;
  owner: string;
}

/** Where the use of one budget in one period is added up. Budgets that differ only in their allowance share an account. */
export interface BudgetAccount {
  key: string;
  kind: BudgetKind;
  /** Epoch milliseconds; null if it has no end. */
  endsAt: number | null;
}

/** What is used of an account, in the unit of its kind. */
export interface AccountUse {
  spent: number;
  /** By calls in progress. */
  reserved: number;
}

/** A model call that has not been made. */
export interface PlannedCall {
  /** Estimated tokens of the request. */
  inputTokens: number;
  /** The most that the model may answer. */
  outputTokens: number;
  /** Cost of one token; null if the model has no price. */
  price: { input: number; output: number } | null;
}

/** A budget with its account and the account's use. */
export interface BudgetState {
  budget: Budget;
  account: BudgetAccount;
  use: AccountUse;
  /** What people allowed the run on top, and the account of it; null if they allowed nothing. */
  increase: { amount: number; account: BudgetAccount; use: AccountUse } | null;
}

/** What people allowed one run on top of budgets, by the id of the budget in its period. */
export type BudgetIncreases = Readonly<Record<string, number>>;

/** What a call may use of each account, or the budget that it does not fit in. */
export type BudgetDecision =
  | { kind: 'reserved'; outputTokens: number; amounts: ReadonlyMap<string, number> }
  | ExceededBudget;

/**
 * A call that does not fit. `needed` is what it uses at most. `isBlocked` tells that it would fit if the calls in progress used
 * nothing.
 */
export interface ExceededBudget {
  kind: 'exceeded';
  state: BudgetState;
  needed: number;
  isBlocked: boolean;
}

/** Null if the budget does not apply to the caller. */
export function accountOf(
  { appliesTo, agent, period, kind }: Budget,
  caller: ChargedCaller,
  now: number,
): BudgetAccount | null {
  if (agent !== null && agent !== caller.agent?.name) return null;
  const id = subjectOf(appliesTo, caller);
  if (id === null) return null;
  const { startsAt, endsAt } = periodAt(period, now);
  return { key: `${appliesTo} ${id} ${period} ${startsAt} ${kind}`, kind, endsAt };
}

/** The budgets that apply to the caller, with their accounts. */
export function accountsOf(
  budgets: readonly Budget[],
  caller: ChargedCaller,
  now: number,
): { budget: Budget; account: BudgetAccount }[] {
  return budgets.flatMap((budget) => {
    const account = accountOf(budget, caller, now);
    return account ? [{ budget, account }] : [];
  });
}

/** The id of a budget in the period of its account. Budgets of one account differ in their allowance. */
export function increaseId({ allowance }: Budget, { key }: BudgetAccount): string {
  return `${key} ${allowance}`;
}

/** The account of what people allowed one run on top of a budget. It ends with the period of the budget. */
export function increasedAccount(id: string, runId: string, { kind, endsAt }: BudgetAccount): BudgetAccount {
  return { key: `${id} + ${runId}`, kind, endsAt };
}

function subjectOf(appliesTo: BudgetScope, { runId, sessionId, agent, owner }: ChargedCaller): string | null {
  switch (appliesTo) {
    case 'RUN':
      return runId;
    case 'SESSION':
      return sessionId;
    case 'AGENT':
      return agent?.id ?? null;
    case 'PRINCIPAL':
      return JSON.stringify(owner);
    default:
      return appliesTo satisfies never;
  }
}

/** The period that contains a time, in UTC. Times are in epoch milliseconds. */
export function periodAt(period: BudgetPeriod, now: number): { startsAt: number; endsAt: number | null } {
  const date = new Date(now);
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
  switch (period) {
    case 'HOUR': {
      const hour = date.getUTCHours();
      return { startsAt: Date.UTC(year, month, day, hour), endsAt: Date.UTC(year, month, day, hour + 1) };
    }
    case 'DAY':
      return { startsAt: Date.UTC(year, month, day), endsAt: Date.UTC(year, month, day + 1) };
    case 'MONTH':
      return { startsAt: Date.UTC(year, month), endsAt: Date.UTC(year, month + 1) };
    case 'TOTAL':
      return { startsAt: 0, endsAt: null };
    default:
      return period satisfies never;
  }
}

/** What a call uses at most, in the unit of a budget. Null if the unit is cost and the model has no price. */
function amountOf(kind: BudgetKind, { inputTokens, price }: PlannedCall, outputTokens: number): number | null {
  if (kind === 'TOKENS') return inputTokens + outputTokens;
  return price && inputTokens * price.input + outputTokens * price.output;
}

/** The account that a call is charged to: if people allowed the run more, the account of that. */
export const chargedAccount = ({
  account,
  increase,
}: {
  account: BudgetAccount;
  increase: Pick<NonNullable<BudgetState['increase']>, 'account'> | null;
}) => increase?.account ?? account;

/** What is left for another call. A run that was allowed more uses only that, so that it neither takes it from others nor shares it. */
export function roomIn({ budget, use, increase }: BudgetState): number {
  return increase ? remaining(increase.amount, increase.use) : remaining(budget.allowance, use);
}

const remaining = (allowed: number, { spent, reserved }: AccountUse) => allowed - spent - reserved;

/** The longest answer that fits into the room. */
function fittingOutput(kind: BudgetKind, { inputTokens, price }: PlannedCall, room: number): number {
  if (kind === 'TOKENS') return Math.floor(room - inputTokens);
  if (price === null) return 0;
  const left = room - inputTokens * price.input;
  if (left < 0) return -1;
  return price.output === 0 ? Number.POSITIVE_INFINITY : Math.floor(left / price.output);
}

/**
 * Reserves what the call may use of every account. The answer is shortened to what is left, down to `leastOutputTokens`; a call
 * that does not fit even so is not made. If it does not fit into several budgets, one that fails the run comes first, and one that
 * calls in progress have used up comes last.
 */
export function reserve(states: readonly BudgetState[], call: PlannedCall, leastOutputTokens: number): BudgetDecision {
  let { outputTokens } = call;
  const least = Math.min(leastOutputTokens, call.outputTokens);
  const exceeded: ExceededBudget[] = [];
  for (const state of states) {
    const { kind } = state.account;
    const room = roomIn(state);
    const fitting = fittingOutput(kind, call, room);
    outputTokens = Math.min(outputTokens, fitting);
    if (fitting >= least) continue;
    const { reserved } = (state.increase ?? state).use;
    const isBlocked = fittingOutput(kind, call, room + reserved) >= least;
    exceeded.push({ kind: 'exceeded', state, needed: amountOf(kind, call, call.outputTokens) ?? 0, isBlocked });
  }
  const [first] = exceeded.sort((one, other) => urgency(one) - urgency(other));
  if (first) return first;
  const amounts = new Map(
    states.map((state) => {
      const { key, kind } = chargedAccount(state);
      return [key, amountOf(kind, call, outputTokens) ?? 0] as const;
    }),
  );
  return { kind: 'reserved', outputTokens, amounts };
}

const urgency = ({ state, isBlocked }: ExceededBudget) =>
  (isBlocked ? 2 : 0) + (state.budget.onLimit === 'ask' ? 1 : 0);
