import { BUDGET_ANSWER_TOKENS, BUDGET_LEAST_ANSWER_TOKENS, BUDGET_WAIT_SECONDS } from '../../config/limits.ts';
import { estimateTokens } from '../../context/token-estimate.ts';
import {
  accountOf,
  type Budget,
  type BudgetDecision,
  type BudgetState,
  type PlannedCall,
  reserve,
} from '../../domain/budget.ts';
import { type CatalogueEntry, costOf, priceOf } from '../../models/catalogue.ts';
import { ModelError, type ModelUsage } from '../../models/model.ts';
import { reserveBudget, settleBudget } from '../../repositories/budget-ledger.ts';
import type { RunExecution, StepOutcome } from '../run-execution.ts';

type Exceeded = Extract<BudgetDecision, { kind: 'exceeded' }>;

/** A call that fits into every budget of the run. */
export interface ChargedCall {
  kind: 'charged';
  /** The longest answer that the budgets allow; null if the run has none. */
  maxOutputTokens: number | null;
  /** Charges what the call used, as the provider counted it, or as an estimate. Without usage it used nothing. */
  settle(usage: Pick<ModelUsage, 'input' | 'output' | 'cachedInput'> | null): Promise<void>;
}

const uncharged: ChargedCall = { kind: 'charged', maxOutputTokens: null, settle: async () => {} };

/** Between two looks at a budget that calls in progress have reserved. */
const POLL_MILLISECONDS = 250;

/**
 * Reserves what a call may use at most: the request, and the longest answer. Where other calls have reserved what is left, it
 * waits for them, up to BUDGET_WAIT_SECONDS. Rejects with the signal's reason if the signal aborts.
 */
export async function chargeCall(
  execution: RunExecution,
  { model, inputTokens, signal }: { model: CatalogueEntry; inputTokens: number; signal: AbortSignal },
): Promise<ChargedCall | Exceeded> {
  const { budgets, session, agent } = execution.configuration;
  if (budgets.length === 0) return uncharged;
  const { database, clock } = execution.dependencies;
  const { runId, sessionId, epoch } = execution.lease;
  const { owner } = session;
  const call = { runId, epoch, owner };
  const price = priceOf(model);
  const planned: PlannedCall = {
    inputTokens,
    outputTokens: model.maxOutputTokens ?? BUDGET_ANSWER_TOKENS,
    price: price && { input: price.inputPerMillion / 1e6, output: price.outputPerMillion / 1e6 },
  };
  const charged = { runId, sessionId, agentId: agent?.id ?? null, owner };
  const waitsUntil = clock.elapsed() + BUDGET_WAIT_SECONDS * 1000;
  for (;;) {
    const accounts = accountsOf(budgets, charged, clock.now());
    if (accounts.length === 0) return uncharged;
    const distinct = [...new Map(accounts.map(({ account }) => [account.key, account])).values()];
    const decision = await reserveBudget(database, call, distinct, (uses) => {
      const states = accounts.map((each): BudgetState => {
        const use = uses.get(each.account.key) ?? { spent: 0, reserved: 0 };
        return { ...each, use, increase: 0 };
      });
      return reserve(states, planned, BUDGET_LEAST_ANSWER_TOKENS);
    });
    if (decision.kind === 'reserved') {
      return {
        kind: 'charged',
        maxOutputTokens: decision.outputTokens,
        settle: (usage) =>
          settleBudget(database, call, {
            TOKENS: usage === null ? 0 : usage.input + usage.output,
            COST: usage === null || price === null ? 0 : costOf({ ...usage, reasoning: null }, price),
          }),
      };
    }
    if (!decision.isBlocked || clock.elapsed() >= waitsUntil) return decision;
    await clock.sleep(POLL_MILLISECONDS, signal);
  }
}

function accountsOf(budgets: readonly Budget[], charged: Parameters<typeof accountOf>[1], now: number) {
  return budgets.flatMap((budget) => {
    const account = accountOf(budget, charged, now);
    return account ? [{ budget, account }] : [];
  });
}

/** Ends a run whose next call does not fit. */
export function stopAtBudget(execution: RunExecution, exceeded: Exceeded): Promise<StepOutcome> {
  const error = { code: 'BUDGET', message: describeExceeded(exceeded), retryable: false } as const;
  return execution.recordCommand({ kind: 'fail', error });
}

const subjects = { RUN: 'the run', SESSION: 'the session', AGENT: 'the agent', PRINCIPAL: 'the principal' } as const;
const periods = { HOUR: ' in this hour', DAY: ' today (UTC)', MONTH: ' in this month (UTC)', TOTAL: '' } as const;

function describeExceeded({ state: { budget, use }, needed }: Exceeded): string {
  const { kind, appliesTo, period, allowance } = budget;
  const unit = kind === 'TOKENS' ? 'tokens' : 'cost';
  const used = rounded(use.spent + use.reserved);
  return `The next model call does not fit into the budget of ${subjects[appliesTo]}${periods[period]}: ${unit} used ${used} of ${rounded(allowance)}, and the call needs up to ${rounded(needed)}.`;
}

/** Without the digits that sums of fractions add. */
const rounded = (amount: number) => Number(amount.toPrecision(12));

/** The model of a run, whose calls are charged to the run's budgets. For calls beside the steps, such as summaries. */
export function chargedModel(execution: RunExecution, entry: CatalogueEntry): CatalogueEntry {
  if (execution.configuration.budgets.length === 0) return entry;
  return {
    ...entry,
    model: {
      async stream(request, sink, signal) {
        const text = [request.instructions, ...request.messages.map((message) => message.text)].join('\n');
        const inputTokens = estimateTokens(text);
        const charge = await chargeCall(execution, { model: entry, inputTokens, signal });
        if (charge.kind === 'exceeded') {
          throw new ModelError('BUDGET', describeExceeded(charge), { retryable: false });
        }
        let used: ModelUsage | null = null;
        let answered = '';
        const counted = {
          ...sink,
          text(piece: string) {
            answered += piece;
            sink.text(piece);
          },
        };
        const { maxOutputTokens } = charge;
        const limited = maxOutputTokens === null ? request : { ...request, maxOutputTokens };
        try {
          const finish = await entry.model.stream(limited, counted, signal);
          used = finish.usage ?? estimatedUsage(inputTokens, estimateTokens(answered));
          return finish;
        } finally {
          await charge.settle(used ?? (answered === '' ? null : estimatedUsage(inputTokens, estimateTokens(answered))));
        }
      },
    },
  };
}

const estimatedUsage = (input: number, output: number): ModelUsage => ({
  input,
  output,
  cachedInput: null,
  reasoning: null,
});
