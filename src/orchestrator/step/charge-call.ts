import { type ChargedCall, chargedCall, plannedCall } from '../../context/charged-model.ts';
import type { ExceededBudget } from '../../domain/budget.ts';
import { budgetRequestOf, describeNeed } from '../../domain/budget-request.ts';
import type { Run } from '../../domain/run.ts';
import type { CatalogueEntry } from '../../models/catalogue.ts';
import type { RunExecution, StepOutcome } from '../run-execution.ts';

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
  const run = { runId, epoch, sessionId, agent, owner: session.owner, increases };
  return chargedCall(model, await dependencies.spending.reserve(run, budgets, plannedCall(model, inputTokens), signal));
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
