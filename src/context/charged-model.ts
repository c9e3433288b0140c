import { BUDGET_ANSWER_TOKENS } from '../config/limits.ts';
import type { ExceededBudget, PlannedCall } from '../domain/budget.ts';
import { budgetRequestOf, describeNeed } from '../domain/budget-request.ts';
import { type CatalogueEntry, costOf, priceOf } from '../models/catalogue.ts';
import { ModelError, type ModelUsage } from '../models/model.ts';
import type { ReservedCall } from './call-charges.ts';
import { estimateTokens } from './token-estimate.ts';

/** A call of a model that fits into every budget. */
export interface ChargedCall {
  kind: 'charged';
  /** The longest answer that the budgets allow; null if none applies. */
  maxOutputTokens: number | null;
  /** Charges what the call used, as the provider counted it, or as an estimate. Without usage it used nothing. */
  settle(usage: Pick<ModelUsage, 'input' | 'output' | 'cachedInput'> | null): Promise<void>;
}

/** What a call may use at most: the request, and the longest answer. */
export function plannedCall(model: CatalogueEntry, inputTokens: number): PlannedCall {
  const price = priceOf(model);
  return {
    inputTokens,
    outputTokens: model.maxOutputTokens ?? BUDGET_ANSWER_TOKENS,
    price: price && { input: price.inputPerMillion / 1e6, output: price.outputPerMillion / 1e6 },
  };
}

/** The reservation in the usage of the model. */
export function chargedCall(
  model: CatalogueEntry,
  reserved: ReservedCall | ExceededBudget,
): ChargedCall | ExceededBudget {
  if (reserved.kind === 'exceeded') return reserved;
  const price = priceOf(model);
  return {
    kind: 'charged',
    maxOutputTokens: reserved.maxOutputTokens,
    settle: (usage) =>
      reserved.settle({
        TOKENS: usage === null ? 0 : usage.input + usage.output,
        COST: usage === null || price === null ? 0 : costOf({ ...usage, reasoning: null }, price),
      }),
  };
}

/**
 * The model, whose calls are charged. For calls beside the steps of runs, such as summaries. Nobody is asked to raise a budget for
 * them: a call that does not fit fails with BUDGET.
 */
export function chargedModel(
  entry: CatalogueEntry,
  charge: (inputTokens: number, signal: AbortSignal) => Promise<ChargedCall | ExceededBudget>,
): CatalogueEntry {
  return {
    ...entry,
    model: {
      async stream(request, sink, signal) {
        const text = [request.instructions, ...request.messages.map((message) => message.text)].join('\n');
        const inputTokens = estimateTokens(text);
        const charged = await charge(inputTokens, signal);
        if (charged.kind === 'exceeded') {
          throw new ModelError('BUDGET', describeNeed(budgetRequestOf(charged)), { retryable: false });
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
        const { maxOutputTokens } = charged;
        const limited = maxOutputTokens === null ? request : { ...request, maxOutputTokens };
        try {
          const finish = await entry.model.stream(limited, counted, signal);
          used = finish.usage ?? estimatedUsage(inputTokens, estimateTokens(answered));
          return finish;
        } finally {
          const estimated = answered === '' ? null : estimatedUsage(inputTokens, estimateTokens(answered));
          await charged.settle(used ?? estimated);
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
