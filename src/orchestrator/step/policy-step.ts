import type { ToolCall } from '../../domain/step.ts';
import type { RunExecution, StepOutcome } from '../run-execution.ts';
import { reviewCalls } from './review-calls.ts';

/** Checks each requested call and evaluates policy for it. All decisions of the step are one append. */
export async function policyStep(execution: RunExecution, calls: readonly ToolCall[]): Promise<StepOutcome> {
  const reviewed = await reviewCalls(execution, calls);
  return execution.record(reviewed.flatMap(({ review }) => review.events));
}
