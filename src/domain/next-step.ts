import type { RunCommand } from './decide.ts';
import type { RunError } from './events.ts';
import type { Run } from './run.ts';
import type { RunLimits } from './run-limits.ts';
import { callsOf, type StepPhase, type ToolCall } from './step.ts';
import { openWaits } from './wait.ts';

/** What the run loop does next. */
export type NextStep =
  | { kind: 'start' }
  | { kind: 'call-model'; step: number }
  /** Calls that the policy has not been evaluated for. */
  | { kind: 'evaluate-policy'; calls: ToolCall[] }
  | { kind: 'execute'; calls: ToolCall[] }
  /** Calls that an executor started before it was lost. */
  | { kind: 'recover'; calls: ToolCall[] }
  /** A transition that only has to be recorded. */
  | { kind: 'transition'; command: Extract<RunCommand, { kind: 'requestApproval' | 'complete' | 'fail' }> }
  /** The run waits for an approval. */
  | { kind: 'wait' }
  | { kind: 'ended' };

/**
 * Derives the next step from the fold alone, so a run resumes the same way after a crash, an approval and a restart.
 *
 * @param workMilliseconds how long the run has been at work
 */
export function nextStep(run: Run, limits: RunLimits, workMilliseconds: number): NextStep {
  switch (run.state.status) {
    case 'PENDING':
      return { kind: 'start' };
    case 'IN_PROGRESS':
      return nextInProgress(run, limits, workMilliseconds);
    case 'AWAITING_APPROVAL':
      return { kind: 'wait' };
    case 'DONE':
    case 'CANCELLED':
    case 'FAILED':
      return { kind: 'ended' };
    default:
      return run.state satisfies never;
  }
}

function nextInProgress(run: Run, limits: RunLimits, workMilliseconds: number): NextStep {
  const { step } = run;
  const isFinalAnswer = step.at === 'answered' && step.calls.length === 0;
  const end = isFinalAnswer ? endWith(run, step) : null;
  if (end !== null) return end;
  if (workMilliseconds >= limits.runSeconds * 1000) {
    return failure('DEADLINE', `The run reached its time limit of ${limits.runSeconds} seconds.`);
  }
  const calls = callsOf(step);
  const inPhase = (at: ToolCall['phase']['at']) => calls.filter(({ phase }) => phase.at === at);
  const requested = inPhase('requested');
  if (requested.length > 0) {
    // A call is neither approved nor executed if no model call could read its result.
    return toolLimit(run, limits) ?? modelLimit(run, limits) ?? { kind: 'evaluate-policy', calls: requested };
  }
  const started = inPhase('started');
  if (started.length > 0) return { kind: 'recover', calls: started };
  // Calls that are allowed come after the ones in progress.
  if (inPhase('asking').length > 0) return { kind: 'transition', command: { kind: 'requestApproval' } };
  const allowed = inPhase('allowed');
  if (allowed.length > 0) return { kind: 'execute', calls: allowed };
  if (openWaits(run).length > 0) return { kind: 'transition', command: { kind: 'requestApproval' } };
  return modelLimit(run, limits) ?? { kind: 'call-model', step: run.steps + 1 };
}

/** Finish reasons of a refusal by the model or its provider. */
const refusedReasons: ReadonlySet<string> = new Set(['content-filter', 'refusal']);

/** Times that a model is told why its answer does not fit the output schema, after the first one that was asked to fit. */
const MAX_REPAIRS = 2;

/**
 * How a final answer ends the run; null if the model must be called again for an answer that fits the output schema. A refusal
 * without any text fails the run. After some text, the finish reason alone tells.
 */
function endWith(run: Run, { text, finishReason, refusal }: Extract<StepPhase, { at: 'answered' }>): NextStep | null {
  if (refusedReasons.has(finishReason) && text.trim() === '') {
    const message = refusal === null ? 'The provider withheld the answer.' : `The model refused to answer: ${refusal}`;
    return failure('MODEL_REFUSED', message);
  }
  if (run.resultProblem === null) return { kind: 'transition', command: { kind: 'complete' } };
  if (run.invalidResults <= MAX_REPAIRS) return null;
  const message = `The answer does not fit the output schema, also after ${MAX_REPAIRS} attempts to repair it: ${run.resultProblem}`;
  return failure('RESULT_INVALID', message);
}

function toolLimit(run: Run, limits: RunLimits): NextStep | null {
  if (run.toolCalls <= limits.maxToolCalls) return null;
  return failure('TOOL_LIMIT', `The run exceeded its limit of ${limits.maxToolCalls} tool calls.`);
}

/** The failure that prevents another model call, or null. */
function modelLimit(run: Run, limits: RunLimits): NextStep | null {
  if (run.steps >= limits.maxSteps) {
    return failure('STEP_LIMIT', `The run reached its limit of ${limits.maxSteps} model calls.`);
  }
  if (run.usage.inputTokens + run.usage.outputTokens >= limits.maxTokens) {
    return failure('BUDGET', `The run reached its limit of ${limits.maxTokens} tokens.`);
  }
  if (limits.maxCost !== null && (run.usage.cost ?? 0) >= limits.maxCost) {
    return failure('BUDGET', `The run reached its cost limit of ${limits.maxCost}.`);
  }
  return null;
}

function failure(code: RunError['code'], message: string): NextStep {
  return { kind: 'transition', command: { kind: 'fail', error: { code, message, retryable: false } } };
}
