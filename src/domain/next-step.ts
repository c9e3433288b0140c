import type { RunCommand } from './decide.ts';
import type { RunError } from './events.ts';
import { activeMilliseconds, type Run } from './run.ts';
import { callsOf, type ToolCall, waitingCalls } from './step.ts';

/** Bounds of one run. */
export interface RunLimits {
  maxSteps: number;
  maxToolCalls: number;
  /** Time at work; waiting for people does not count. */
  runSeconds: number;
  /** Input and output of all steps together. */
  maxTokens: number;
  /** In the catalogue's currency; null for no bound. */
  maxCost: number | null;
}

/** What the loop does next. */
export type NextStep =
  | { kind: 'start' }
  | { kind: 'call-model'; step: number }
  /** Calls that nobody has judged yet. */
  | { kind: 'judge'; calls: ToolCall[] }
  | { kind: 'execute'; calls: ToolCall[] }
  /** Calls that were started by an executor that is gone. */
  | { kind: 'recover'; calls: ToolCall[] }
  /** A transition that needs nothing but to be recorded. */
  | { kind: 'transition'; command: Extract<RunCommand, { kind: 'requestApproval' | 'complete' | 'fail' }> }
  /** Nothing until a person decides. */
  | { kind: 'wait' }
  | { kind: 'ended' };

/** Everything that resuming needs to know is in the fold: after a crash, an approval or a restart the answer is the same. */
export function nextStep(run: Run, limits: RunLimits, now: number): NextStep {
  switch (run.state.status) {
    case 'PENDING':
      return { kind: 'start' };
    case 'IN_PROGRESS':
      return nextAtWork(run, limits, now);
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

function nextAtWork(run: Run, limits: RunLimits, now: number): NextStep {
  const { step } = run;
  const isAnswer = step.at === 'answered' && step.calls.length === 0;
  if (isAnswer) return answered(step);
  if (activeMilliseconds(run, now) >= limits.runSeconds * 1000) {
    return failure('DEADLINE', `The run was at work for more than ${limits.runSeconds} seconds.`);
  }
  const calls = callsOf(step);
  const at = (phase: ToolCall['phase']['at']) => calls.filter((call) => call.phase.at === phase);
  const requested = at('requested');
  if (requested.length > 0) {
    // Nobody is asked about, and nothing is done for, what no model call would be shown.
    return toolLimit(run, limits) ?? modelLimit(run, limits) ?? { kind: 'judge', calls: requested };
  }
  const started = at('started');
  if (started.length > 0) return { kind: 'recover', calls: started };
  const allowed = at('allowed');
  if (allowed.length > 0) return { kind: 'execute', calls: allowed };
  if (waitingCalls(step).length > 0) return { kind: 'transition', command: { kind: 'requestApproval' } };
  return modelLimit(run, limits) ?? { kind: 'call-model', step: run.steps + 1 };
}

function answered(step: { text: string; finishReason: string }): NextStep {
  return step.finishReason === 'content-filter' && step.text === ''
    ? failure('MODEL_REFUSED', 'The provider withheld the answer.')
    : { kind: 'transition', command: { kind: 'complete' } };
}

function toolLimit(run: Run, limits: RunLimits): NextStep | null {
  if (run.toolCalls <= limits.maxToolCalls) return null;
  return failure('TOOL_LIMIT', `The run asked for more than ${limits.maxToolCalls} tool calls.`);
}

/** Why there is no further model call, or null. */
function modelLimit(run: Run, limits: RunLimits): NextStep | null {
  if (run.steps >= limits.maxSteps) {
    return failure('STEP_LIMIT', `The run needed more than ${limits.maxSteps} model calls.`);
  }
  if (run.usage.inputTokens + run.usage.outputTokens >= limits.maxTokens) {
    return failure('BUDGET', `The run used its ${limits.maxTokens} tokens.`);
  }
  if (limits.maxCost !== null && (run.usage.cost ?? 0) >= limits.maxCost) {
    return failure('BUDGET', `The run cost more than ${limits.maxCost}.`);
  }
  return null;
}

function failure(code: RunError['code'], message: string): NextStep {
  return { kind: 'transition', command: { kind: 'fail', error: { code, message, retryable: false } } };
}
