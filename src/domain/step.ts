import type { Json } from './events.ts';

/** How far one tool call of the step under way has come. */
export type CallPhase =
  | { at: 'requested' }
  | { at: 'allowed' }
  | { at: 'asking'; approvalId: string; expiresAt: number; why: 'policy' | 'unknown_outcome' }
  | { at: 'started'; attempt: number; idempotencyKey: string }
  | { at: 'settled'; ok: boolean };

export interface ToolCall {
  callId: string;
  tool: string;
  /** What runs: the model's input, or the one that a person put in its place. */
  input: Json;
  inputError: string | null;
  /** Executions begun so far. */
  attempts: number;
  idempotencyKey: string | null;
  phase: CallPhase;
}

/** Where the run stands between two model calls. */
export type StepPhase =
  | { at: 'idle' }
  /** A context is recorded and its output is not: a model call is under way, or was interrupted. */
  | { at: 'calling'; step: number }
  /** The model has answered: it is done, unless it asked for tools. */
  | { at: 'answered'; text: string; finishReason: string; calls: readonly ToolCall[] };

export type WaitingCall = ToolCall & { phase: Extract<CallPhase, { at: 'asking' }> };

/** Calls of the step, in the order of the model; none while the model is being asked. */
export function callsOf(step: StepPhase): readonly ToolCall[] {
  return step.at === 'answered' ? step.calls : [];
}

/** Whether the call is being executed, as far as the tape says. */
export function isStarted(step: StepPhase, callId: string): boolean {
  return callsOf(step).some((call) => call.callId === callId && call.phase.at === 'started');
}

/** Calls that wait for a person. */
export function waitingCalls(step: StepPhase): WaitingCall[] {
  return callsOf(step).filter((call): call is WaitingCall => call.phase.at === 'asking');
}

/** A message that arrives after the answer, or beside a finished batch of tools, asks for another model call. */
export function reopenStep(step: StepPhase): StepPhase {
  return step.at === 'answered' && step.calls.length === 0 ? { at: 'idle' } : step;
}

export function withCall(step: StepPhase, call: ToolCall): StepPhase {
  return step.at === 'answered' ? { ...step, calls: [...step.calls, call] } : step;
}

/** Changes one call; a call that the step does not hold changes nothing. */
export function updateCall(step: StepPhase, callId: string, change: Partial<ToolCall>): StepPhase {
  if (step.at !== 'answered') return step;
  const calls = step.calls.map((call) => (call.callId === callId ? { ...call, ...change } : call));
  return { ...step, calls };
}
