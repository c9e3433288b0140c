import type { NewEvent } from './events.ts';
import { failedResult } from './failed-result.ts';
import type { WaitingCall } from './step.ts';
import type { OpenWait } from './wait.ts';

// The events that settle a wait. The compiler asks for a case of each kind.

/** Nobody decides any more: the run ended, or the wait was replaced by another one. */
export function withdrawalOf(wait: OpenWait, reason: string | null = null): NewEvent {
  switch (wait.kind) {
    case 'APPROVAL':
      return approvalDecision('SYSTEM', wait.call, { status: 'WITHDRAWN', reason });
    default:
      return wait.kind satisfies never;
  }
}

interface Expiry {
  expired: NewEvent;
  /** What lets the run continue without a decision. */
  consequences: NewEvent[];
  /** For a run that fails because of it. */
  message: string;
}

/** Nobody decided in time. */
export function expiryOf(wait: OpenWait): Expiry {
  switch (wait.kind) {
    case 'APPROVAL':
      return {
        expired: approvalDecision('SYSTEM', wait.call, { status: 'EXPIRED' }),
        consequences: [expiredResult(wait.call)],
        message: `The approval of a call to ${wait.call.tool} expired.`,
      };
    default:
      return wait.kind satisfies never;
  }
}

type ApprovalDecision = Extract<NewEvent, { type: 'approval_decision' }>;

export function approvalDecision(
  actor: ApprovalDecision['actor'],
  call: WaitingCall,
  more: Pick<ApprovalDecision['payload'], 'status'> & Partial<ApprovalDecision['payload']>,
): NewEvent {
  return {
    type: 'approval_decision',
    actor,
    payload: {
      callId: call.callId,
      approvalId: call.phase.approvalId,
      scope: null,
      decidedBy: null,
      reason: null,
      editedInput: null,
      grantId: null,
      grantExpiresAt: null,
      grantTarget: null,
      ...more,
    },
  };
}

/** Of a call that an approver denied. `reason` is the approver's; null if none was given. */
export function deniedResult(call: WaitingCall, reason: string | null): NewEvent {
  const wasInterrupted = call.phase.why === 'unknown_outcome';
  const denial = wasInterrupted
    ? 'It may have run already; a person declined to repeat it'
    : 'A person denied this call';
  return failedResult(call, reason === null ? `${denial}.` : `${denial}: ${reason}`, wasInterrupted);
}

function expiredResult(call: WaitingCall): NewEvent {
  const wasInterrupted = call.phase.why === 'unknown_outcome';
  const message = wasInterrupted
    ? 'It may have run already; nobody decided in time whether to repeat it.'
    : 'The approval of this call expired.';
  return failedResult(call, message, wasInterrupted);
}
