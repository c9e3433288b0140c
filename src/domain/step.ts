import type { DelegatedKind, Json, ResultCheck, SequencedEventOf, StoredTextRef } from './events.ts';

/** How far one tool call of the current step has come. */
export type CallPhase =
  | { at: 'requested' }
  | { at: 'allowed' }
  /** For an approval. `expiresAt` is in epoch milliseconds. */
  | { at: 'waiting'; approvalId: string; expiresAt: number; why: 'policy' | 'unknown_outcome' }
  /** For a result that somebody else gives. Times are in epoch milliseconds. */
  | { at: 'delegated'; kind: DelegatedKind; waitId: string; requestedAt: number; expiresAt: number }
  | { at: 'started'; attempt: number; idempotencyKey: string }
  /** Its tool runs and has asked a person. Times are in epoch milliseconds. */
  | {
      at: 'asking';
      attempt: number;
      idempotencyKey: string;
      kind: 'QUESTION';
      waitId: string;
      requestedAt: number;
      expiresAt: number;
    }
  | { at: 'settled'; ok: boolean };

export interface ToolCall {
  callId: string;
  /** Seq of the event that requested it. */
  seq: number;
  tool: string;
  /** What the tool is called with: the model's input, or the one that the approver replaced it with. */
  input: Json;
  /** Why the model's input could not be read; null if it could. */
  inputError: string | null;
  /** How often the call has been started. */
  attempts: number;
  /** Null before the first attempt. */
  idempotencyKey: string | null;
  /** Of the tool's definition that policy or a person last decided about, or that was last started; null if unknown. */
  definitionHash: string | null;
  /** Whether a person allowed the call with that definition. */
  isApproved: boolean;
  /** How many approvals were requested. */
  approvalRequests: number;
  phase: CallPhase;
}

/** The progress of the current step: one model call and the tool calls it requested. */
export type StepPhase =
  /** The next thing to do is a model call. */
  | { at: 'idle' }
  /** A context is recorded and its output is not: the model call is running, or was interrupted. */
  | { at: 'calling'; step: number }
  /** The model has answered. Without tool calls, this is the run's answer. */
  | {
      at: 'answered';
      /** The answer, or its beginning if `storedText` names the whole of it. */
      text: string;
      storedText: StoredTextRef | null;
      finishReason: string;
      refusal: string | null;
      /** Of a final answer, if the run has an output schema. */
      result: ResultCheck | null;
      calls: readonly ToolCall[];
    };

export type WaitingCall = ToolCall & { phase: Extract<CallPhase, { at: 'waiting' }> };

export type DelegatedCall = ToolCall & { phase: Extract<CallPhase, { at: 'delegated' }> };

export type AskingCall = ToolCall & { phase: Extract<CallPhase, { at: 'asking' }> };

/** The step's tool calls, in the model's order; none before the model has answered. */
export function callsOf(step: StepPhase): readonly ToolCall[] {
  return step.at === 'answered' ? step.calls : [];
}

/** Whether the tape has a start of the call and no result. */
export function isStarted(step: StepPhase, callId: string): boolean {
  return callsOf(step).some((call) => call.callId === callId && call.phase.at === 'started');
}

/** Calls that wait for an approval. */
export function waitingCalls(step: StepPhase): WaitingCall[] {
  return callsOf(step).filter((call): call is WaitingCall => call.phase.at === 'waiting');
}

/** Whether the tool of the call runs and has asked a person. */
export function isAsking<Call extends ToolCall>(call: Call): call is Extract<Call, AskingCall> {
  return call.phase.at === 'asking';
}

/** A message that arrives after the final answer requires another model call. */
export function stepAfterInput(step: StepPhase): StepPhase {
  return step.at === 'answered' && step.calls.length === 0 ? { at: 'idle' } : step;
}

export function withCall(step: StepPhase, call: ToolCall): StepPhase {
  return step.at === 'answered' ? { ...step, calls: [...step.calls, call] } : step;
}

/** Changes one call. Does nothing if the step does not have it. */
export function updateCall(step: StepPhase, callId: string | null, change: Partial<ToolCall>): StepPhase {
  if (step.at !== 'answered') return step;
  const calls = step.calls.map((call) => (call.callId === callId ? { ...call, ...change } : call));
  return { ...step, calls };
}

/** Somebody else gives the result of the call, or its tool runs and asks a person. */
export function openWait(
  step: StepPhase,
  kind: DelegatedKind,
  { payload, recordedAt: requestedAt }: SequencedEventOf<'wait_request'>,
): StepPhase {
  const { callId, waitId, expiresAt } = payload;
  const wait = { waitId, requestedAt, expiresAt };
  const phase = phaseOf(step, callId);
  return phase?.at === 'started' && kind === 'QUESTION'
    ? updateCall(step, callId, { phase: { ...phase, at: 'asking', kind, ...wait } })
    : updateCall(step, callId, { phase: { at: 'delegated', kind, ...wait } });
}

/** A tool that asked continues. Otherwise the settlement decides about the result of the call. */
export function settleWait(step: StepPhase, { payload }: SequencedEventOf<'wait_settled'>): StepPhase {
  const { callId, outcome } = payload;
  const phase = phaseOf(step, callId);
  if (phase?.at !== 'asking') {
    return updateCall(step, callId, { phase: { at: 'settled', ok: ['COMPLETED', 'ANSWERED'].includes(outcome) } });
  }
  const { attempt, idempotencyKey } = phase;
  return updateCall(step, callId, { phase: { at: 'started', attempt, idempotencyKey } });
}

function phaseOf(step: StepPhase, callId: string | null): CallPhase | undefined {
  return callsOf(step).find((call) => call.callId === callId)?.phase;
}
