import { nameOfBudget } from './budget-request.ts';
import type { BudgetRequest, DelegatedKind, Json, NewEvent, PayloadOf, RunError } from './events.ts';
import { failedResult } from './failed-result.ts';
import { type DelegatedCall, isAsking, type WaitingCall } from './step.ts';
import type { OpenWait } from './wait.ts';

// The events that settle a wait. The compiler asks for a case of each kind.

/** Nobody decides any more: the run ended, or the wait was replaced by another one. */
export function withdrawalOf(wait: OpenWait, reason: string | null = null): NewEvent {
  switch (wait.kind) {
    case 'APPROVAL':
      return approvalDecision('SYSTEM', wait.call, { status: 'WITHDRAWN', reason });
    case 'CLIENT_TOOL':
    case 'QUESTION':
    case 'BUDGET':
      return waitSettled('SYSTEM', wait, { outcome: 'WITHDRAWN', reason });
    default:
      return wait satisfies never;
  }
}

interface Expiry {
  expired: NewEvent;
  /** What lets the run continue without a decision; null if it cannot. */
  consequences: NewEvent[] | null;
  /** Of a run that fails because of it; null if no run does. */
  error: RunError | null;
}

/** Nobody decided in time. */
export function expiryOf(wait: OpenWait): Expiry {
  switch (wait.kind) {
    case 'APPROVAL':
      return {
        expired: approvalDecision('SYSTEM', wait.call, { status: 'EXPIRED' }),
        consequences: [expiredResult(wait.call)],
        error: {
          code: 'APPROVAL_TIMEOUT',
          message: `The approval of a call to ${wait.call.tool} expired.`,
          retryable: true,
        },
      };
    case 'CLIENT_TOOL':
    case 'QUESTION':
      return {
        expired: waitSettled('SYSTEM', wait, { outcome: 'EXPIRED' }),
        // A tool that runs gives the result itself.
        consequences: isAsking(wait.call) ? [] : [failedResult(wait.call, expiryMessages[wait.kind])],
        error: null,
      };
    case 'BUDGET':
      return {
        expired: waitSettled('SYSTEM', wait, { outcome: 'EXPIRED' }),
        consequences: null,
        error: budgetError(wait.request, 'and nobody raised it in time.'),
      };
    default:
      return wait satisfies never;
  }
}

/** What the model is told. */
export const expiryMessages: Readonly<Record<DelegatedKind, string>> = {
  CLIENT_TOOL: 'The client submitted no result in time.',
  QUESTION: 'Nobody answered the question in time.',
};

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

type WaitSettled = Extract<NewEvent, { type: 'wait_settled' }>;

export function waitSettled(
  actor: WaitSettled['actor'],
  wait: Exclude<OpenWait, { kind: 'APPROVAL' }>,
  more: Pick<WaitSettled['payload'], 'outcome'> & Partial<WaitSettled['payload']>,
): NewEvent {
  const { id: waitId, kind } = wait;
  const callId = 'call' in wait ? wait.call.callId : null;
  return {
    type: 'wait_settled',
    actor,
    payload: { waitId, kind, callId, decidedBy: null, reason: null, answer: null, granted: null, ...more },
  };
}

/** Of a run whose budget a person did not raise. `reason` is the person's; null if none was given. */
export function deniedBudget(request: BudgetRequest, reason: string | null): RunError {
  return budgetError(
    request,
    reason === null ? 'and a person did not raise it.' : `and a person did not raise it: ${reason}`,
  );
}

function budgetError(request: BudgetRequest, end: string): RunError {
  return {
    code: 'BUDGET',
    message: `The next model call does not fit into ${nameOfBudget(request)}, ${end}`,
    retryable: false,
  };
}

/** What a client submits as the result of a call, as it is recorded. */
export type SubmittedResult =
  | { ok: true; output: Json; storedText: PayloadOf<'tool_result'>['storedText'] }
  | { ok: false; error: string };

/** The result of a call that somebody else gave. The duration is the time that the call waited. */
export function submittedResult(
  { callId, tool, phase }: DelegatedCall,
  result: SubmittedResult,
  now: number,
): NewEvent {
  return {
    type: 'tool_result',
    actor: 'TOOL',
    payload: {
      callId,
      tool,
      ok: result.ok,
      output: result.ok ? result.output : null,
      error: result.ok ? null : result.error,
      durationMilliseconds: Math.max(0, now - phase.requestedAt),
      truncated: false,
      storedText: result.ok ? result.storedText : null,
      mayHaveRun: false,
    },
  };
}

/** What a person does with a question. An answer is as it is recorded. */
export type QuestionReply =
  | { action: 'ANSWER'; answer: Json; storedText: PayloadOf<'tool_result'>['storedText'] }
  | { action: 'DECLINE' | 'CANCEL' };

/** The result that the model is given for the reply of a person. */
export function resultOfReply(reply: QuestionReply, reason: string | null): SubmittedResult {
  const because = reason === null ? '.' : `: ${reason}`;
  switch (reply.action) {
    case 'ANSWER':
      return { ok: true, output: reply.answer, storedText: reply.storedText };
    case 'DECLINE':
      return { ok: false, error: `The person declined to answer this question${because}` };
    case 'CANCEL':
      return { ok: false, error: `The person cancelled the question and wants no more of them${because}` };
    default:
      return reply satisfies never;
  }
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
