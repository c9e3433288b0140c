import { BUDGET_ANSWER_TOKENS } from '../../config/limits.ts';
import { estimateTokens } from '../../context/token-estimate.ts';
import type { ExceededBudget } from '../../domain/budget.ts';
import { budgetRequestOf, describeNeed } from '../../domain/budget-request.ts';
import type { Run } from '../../domain/run.ts';
import { type CatalogueEntry, costOf, priceOf } from '../../models/catalogue.ts';
import { ModelError, type ModelUsage } from '../../models/model.ts';
import type { RunExecution, StepOutcome } from '../run-execution.ts';

/** A call that fits into every budget of the run. */
export interface ChargedCall {
  kind: 'charged';
  /** The longest answer that the budgets allow; null if none applies. */
  maxOutputTokens: number | null;
  /** Charges what the call used, as the provider counted it, or as an estimate. Without usage it used nothing. */
  settle(usage: Pick<ModelUsage, 'input' | 'output' | 'cachedInput'> | null): Promise<void>;
}

interface UnchargedCall {
  run: Run;
  model: CatalogueEntry;
  inputTokens: number;
  signal: AbortSignal;
}

/** Reserves what a call may use at most: the request, and the longest answer. See `Spending.reserve`. */
export async function chargeCall(
  { configuration, dependencies, lease }: RunExecution,
  { run: { budgetIncreases: increases }, model, inputTokens, signal }: UnchargedCall,
): Promise<ChargedCall | ExceededBudget> {
  const { budgets, session, agent } = configuration;
  const { runId, sessionId, epoch } = lease;
  const price = priceOf(model);
  const planned = {
    inputTokens,
    outputTokens: model.maxOutputTokens ?? BUDGET_ANSWER_TOKENS,
    price: price && { input: price.inputPerMillion / 1e6, output: price.outputPerMillion / 1e6 },
  };
  const run = { runId, epoch, sessionId, agentId: agent?.id ?? null, owner: session.owner, increases };
  const reserved = await dependencies.spending.reserve(run, budgets, planned, signal);
  if (reserved.kind === 'exceeded') return reserved;
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

/** Ends a run whose next call does not fit, or lets it wait for somebody who raises the budget. */
export function stopAtBudget(execution: RunExecution, exceeded: ExceededBudget): Promise<StepOutcome> {
  const request = budgetRequestOf(exceeded);
  const summary = describeNeed(request);
  if (exceeded.state.budget.onLimit === 'fail') {
    return execution.recordCommand({ kind: 'fail', error: { code: 'BUDGET', message: summary, retryable: false } });
  }
  const { clock, newId, settings } = execution.dependencies;
  const payload = {
    waitId: newId('budgetRequest'),
    kind: 'BUDGET',
    callId: null,
    summary,
    expiresAt: clock.now() + settings.approvalExpirySeconds * 1000,
    question: null,
    budget: request,
  } as const;
  return execution.record([{ type: 'wait_request', actor: 'SYSTEM', payload }]);
}

/**
 * The model of a run, whose calls are charged to the run's budgets. For calls beside the steps, such as summaries. Nobody is asked to
 * raise a budget for them: one that does not fit fails.
 */
export function chargedModel(execution: RunExecution, run: Run, entry: CatalogueEntry): CatalogueEntry {
  if (execution.configuration.budgets.length === 0) return entry;
  return {
    ...entry,
    model: {
      async stream(request, sink, signal) {
        const text = [request.instructions, ...request.messages.map((message) => message.text)].join('\n');
        const inputTokens = estimateTokens(text);
        const charge = await chargeCall(execution, { run, model: entry, inputTokens, signal });
        if (charge.kind === 'exceeded') {
          throw new ModelError('BUDGET', describeNeed(budgetRequestOf(charge)), { retryable: false });
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
