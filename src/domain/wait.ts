import { type Json, type SequencedEvent, type WaitOutcome, waitOutcomes } from './events.ts';
import type { BudgetWait, Run } from './run.ts';
import { type AskingCall, callsOf, type DelegatedCall, type ToolCall, type WaitingCall } from './step.ts';

/** What a run can wait for. */
export const waitKinds = ['APPROVAL', 'BUDGET', 'QUESTION', 'CLIENT_TOOL'] as const;
export type WaitKind = (typeof waitKinds)[number];

/** PENDING, or how it was settled. */
export type WaitStatus = 'PENDING' | WaitOutcome;

export const waitStates = ['OPEN', 'SETTLED', 'EXPIRED', 'WITHDRAWN'] as const;
export type WaitState = (typeof waitStates)[number];

/** Null while it is pending. */
export function outcomeOf(status: WaitStatus): WaitOutcome | null {
  return status === 'PENDING' ? null : status;
}

export function waitStateOf(status: WaitStatus): WaitState {
  if (status === 'PENDING') return 'OPEN';
  return status === 'EXPIRED' || status === 'WITHDRAWN' ? status : 'SETTLED';
}

/** The statuses of waits in these states. */
export function statusesIn(states: readonly WaitState[]): WaitStatus[] {
  return (['PENDING', ...waitOutcomes] as const).filter((status) => states.includes(waitStateOf(status)));
}

/** A wait that nobody has settled yet. A new kind is a new member. */
export type OpenWait =
  | { kind: 'APPROVAL'; id: string; expiresAt: number; call: WaitingCall }
  | { kind: 'CLIENT_TOOL'; id: string; expiresAt: number; call: DelegatedCall }
  | { kind: 'QUESTION'; id: string; expiresAt: number; call: DelegatedCall | AskingCall }
  | OpenBudgetWait;

export type OpenBudgetWait = { kind: 'BUDGET'; id: string } & Pick<BudgetWait, 'expiresAt' | 'request'>;

/** What the run waits for, of every kind, in the order of its calls. No call waits while a budget does. */
export function openWaits({ step, budgetWait }: Pick<Run, 'step' | 'budgetWait'>): OpenWait[] {
  const ofCalls = callsOf(step).flatMap((call) => openWaitOf(call) ?? []);
  if (budgetWait === null) return ofCalls;
  const { waitId: id, expiresAt, request } = budgetWait;
  return [...ofCalls, { kind: 'BUDGET', id, expiresAt, request }];
}

function openWaitOf(call: ToolCall): OpenWait | null {
  const { phase } = call;
  switch (phase.at) {
    case 'waiting':
      return { kind: 'APPROVAL', id: phase.approvalId, expiresAt: phase.expiresAt, call: { ...call, phase } };
    case 'delegated':
      return { kind: phase.kind, id: phase.waitId, expiresAt: phase.expiresAt, call: { ...call, phase } };
    case 'asking':
      return { kind: phase.kind, id: phase.waitId, expiresAt: phase.expiresAt, call: { ...call, phase } };
    case 'requested':
    case 'allowed':
    case 'started':
    case 'settled':
      return null;
    default:
      return phase satisfies never;
  }
}

/** What an event changes about a wait. */
export type WaitChange =
  /** `callId`: the call that waits; null if none does. `expiresAt` is in epoch milliseconds. */
  | { change: 'opened'; kind: WaitKind; id: string; callId: string | null; expiresAt: number }
  | {
      change: 'settled';
      kind: WaitKind;
      id: string;
      callId: string | null;
      status: WaitStatus;
      decidedBy: string | null;
      reason: string | null;
      /** What the call is made with instead; null if that was not changed. */
      editedInput: Json;
    };

/** The wait that an event opens or settles; null for all other events. */
export function waitChangeOf({ type, payload }: SequencedEvent): WaitChange | null {
  switch (type) {
    case 'approval_request': {
      const { approvalId: id, callId, expiresAt } = payload;
      return { change: 'opened', kind: 'APPROVAL', id, callId, expiresAt };
    }
    case 'approval_decision': {
      const { approvalId: id, callId, status, decidedBy, reason, editedInput } = payload;
      return { change: 'settled', kind: 'APPROVAL', id, callId, status, decidedBy, reason, editedInput };
    }
    case 'wait_request': {
      const { waitId: id, kind, callId, expiresAt } = payload;
      return { change: 'opened', kind, id, callId, expiresAt };
    }
    case 'wait_settled': {
      const { waitId: id, kind, callId, outcome: status, decidedBy, reason } = payload;
      return { change: 'settled', kind, id, callId, status, decidedBy, reason, editedInput: null };
    }
    default:
      return null;
  }
}
