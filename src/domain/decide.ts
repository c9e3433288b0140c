import type { ApprovalScope, Json, NewEvent, PayloadOf, RunError, RunOrigin } from './events.ts';
import { type Metadata, noMetadata } from './metadata.ts';
import { conflict, type Refusal, refuseTransition } from './refusal.ts';
import type { Run } from './run.ts';
import { isStarted, type WaitingCall, waitingCalls } from './step.ts';
import { isTerminal, type RunStatus, transitions } from './transitions.ts';

/** What a message consists of. */
interface MessageContent {
  text: string;
  idempotencyKey: string | null;
  /** None if it is missing. */
  metadata?: Metadata;
}

/** A command to one run. Times are in epoch milliseconds; the caller makes the ids. */
export type RunCommand =
  /** With a `turn`, its position among the started runs of the session, the run is started at once. */
  | ({ kind: 'send'; origin: RunOrigin; turn?: number } & MessageContent)
  | ({ kind: 'steer' } & MessageContent)
  | { kind: 'start'; turn: number }
  /** Records what an executor did or is about to do. */
  | { kind: 'record'; events: NewEvent[] }
  /** Records the progress of a running tool call. Dropped once the call has its result. */
  | { kind: 'report'; payload: PayloadOf<'tool_progress'> }
  | { kind: 'requestApproval' }
  | { kind: 'decideApproval'; approvalId: string; verdict: ApprovalVerdict }
  | { kind: 'expireApproval'; approvalId: string; onExpiry: 'deny' | 'fail' }
  /** Withdraws an open approval. `events` request another one, or give the call its result. */
  | { kind: 'replaceApproval'; approvalId: string; reason: string; events: NewEvent[] }
  | { kind: 'complete' }
  | { kind: 'fail'; error: RunError }
  | { kind: 'cancel'; reason: string | null };

export type ApprovalVerdict =
  | {
      decision: 'ALLOW';
      by: string;
      scope: ApprovalScope;
      grant: NewGrant | null;
      editedInput: Json;
      reason: string | null;
    }
  | { decision: 'DENY'; by: string; reason: string | null };

export interface NewGrant {
  grantId: string;
  /** Null for the rest of the session. */
  expiresAt: number | null;
  /** The only target that it covers; null for every target of the tool. */
  target: string | null;
}

export type Decision = { kind: 'events'; events: NewEvent[] } | Refusal;

const events = (...list: NewEvent[]): Decision => ({ kind: 'events', events: list });

/** Returns the events that a command leads to, or why it is refused. Pure. */
export function decide(run: Run | null, command: RunCommand, now: number): Decision {
  if (command.kind === 'send') {
    return run === null ? begin(command) : conflict(`Run ${run.runId} already exists.`);
  }
  if (run === null) return { kind: 'not-found', id: '', message: 'The run does not exist.' };
  switch (command.kind) {
    case 'steer':
      return isTerminal(run.state.status)
        ? refuseTransition(run.runId, run.state.status, 'steer')
        : events(inputEvent(command, true, null));
    case 'record':
      return run.state.status === 'IN_PROGRESS'
        ? { kind: 'events', events: command.events }
        : refuseTransition(run.runId, run.state.status, 'record');
    case 'report':
      if (run.state.status !== 'IN_PROGRESS') return refuseTransition(run.runId, run.state.status, 'report');
      return isStarted(run.step, command.payload.callId)
        ? events({ type: 'tool_progress', actor: 'TOOL', payload: command.payload })
        : events();
    case 'start':
    case 'requestApproval':
    case 'complete':
      return transition(run, command);
    case 'fail':
    case 'cancel':
      return end(run, command);
    case 'decideApproval':
      return decideApproval(run, command.approvalId, command.verdict, now);
    case 'expireApproval':
      return expireApproval(run, command);
    case 'replaceApproval':
      return replaceApproval(run, command);
    default:
      return command satisfies never;
  }
}

function begin({ origin, turn, ...content }: Extract<RunCommand, { kind: 'send' }>): Decision {
  return events(
    inputEvent(content, false, origin),
    statusEvent('USER', null, 'PENDING'),
    ...(turn === undefined ? [] : [statusEvent('SYSTEM', 'PENDING', 'IN_PROGRESS', { turn })]),
  );
}

function transition(
  run: Run,
  command: Extract<RunCommand, { kind: 'start' | 'requestApproval' | 'complete' }>,
): Decision {
  const from = run.state.status;
  const to = transitions[from][command.kind];
  if (to === null) return refuseTransition(run.runId, from, command.kind);
  return events(statusEvent('SYSTEM', from, to, command.kind === 'start' ? { turn: command.turn } : {}));
}

/** Ending a run withdraws every approval that is still open. */
function end(run: Run, command: Extract<RunCommand, { kind: 'fail' | 'cancel' }>): Decision {
  const from = run.state.status;
  const to = transitions[from][command.kind];
  if (to === null) {
    return from === 'CANCELLED' && command.kind === 'cancel'
      ? events()
      : refuseTransition(run.runId, from, command.kind);
  }
  const withdrawn = waitingCalls(run.step).map((call) => approvalEvent('SYSTEM', call, { status: 'WITHDRAWN' }));
  const status =
    command.kind === 'cancel'
      ? statusEvent('USER', from, to, { reason: command.reason })
      : statusEvent('SYSTEM', from, to, { reason: command.error.message, error: command.error });
  return events(...withdrawn, status);
}

function decideApproval(run: Run, approvalId: string, verdict: ApprovalVerdict, now: number): Decision {
  const call = waitingCalls(run.step).find(({ phase }) => phase.approvalId === approvalId);
  if (!call || isTerminal(run.state.status) || call.phase.expiresAt <= now) return alreadySettled(approvalId);
  if (verdict.decision === 'DENY') {
    return events(
      approvalEvent('USER', call, { status: 'DENIED', decidedBy: verdict.by, reason: verdict.reason }),
      deniedResult(call, verdict.reason),
      ...resumption(run),
    );
  }
  return events(
    approvalEvent('USER', call, {
      status: 'ALLOWED',
      scope: verdict.scope,
      decidedBy: verdict.by,
      reason: verdict.reason,
      editedInput: verdict.editedInput,
      grantId: verdict.grant?.grantId ?? null,
      grantExpiresAt: verdict.grant?.expiresAt ?? null,
      grantTarget: verdict.grant?.target ?? null,
    }),
    ...resumption(run),
  );
}

function expireApproval(run: Run, command: Extract<RunCommand, { kind: 'expireApproval' }>): Decision {
  const call = waitingCalls(run.step).find(({ phase }) => phase.approvalId === command.approvalId);
  if (!call || isTerminal(run.state.status)) return alreadySettled(command.approvalId);
  const expired = approvalEvent('SYSTEM', call, { status: 'EXPIRED' });
  if (command.onExpiry === 'deny') {
    return events(expired, expiredResult(call), ...resumption(run));
  }
  const others = waitingCalls(run.step).filter((other) => other !== call);
  const message = `The approval of a call to ${call.tool} expired.`;
  return events(
    expired,
    ...others.map((other) => approvalEvent('SYSTEM', other, { status: 'WITHDRAWN' })),
    statusEvent('SYSTEM', run.state.status, 'FAILED', {
      reason: message,
      error: { code: 'APPROVAL_TIMEOUT', message, retryable: true },
    }),
  );
}

function replaceApproval(
  run: Run,
  { approvalId, reason, events: replacement }: Extract<RunCommand, { kind: 'replaceApproval' }>,
): Decision {
  const call = waitingCalls(run.step).find(({ phase }) => phase.approvalId === approvalId);
  if (!call || isTerminal(run.state.status)) return alreadySettled(approvalId);
  const isSettled = replacement.some(({ type }) => type === 'tool_result');
  return events(
    approvalEvent('SYSTEM', call, { status: 'WITHDRAWN', reason }),
    ...replacement,
    ...(isSettled ? resumption(run) : []),
  );
}

/** Resumes a waiting run when its last open approval is settled. */
function resumption(run: Run): NewEvent[] {
  const to = transitions[run.state.status].resume;
  return to !== null && waitingCalls(run.step).length === 1 ? [statusEvent('SYSTEM', run.state.status, to)] : [];
}

function alreadySettled(approvalId: string): Refusal {
  return { kind: 'approval-settled', approvalId, message: `Approval ${approvalId} is already settled.` };
}

function inputEvent(
  { text, idempotencyKey, metadata = noMetadata }: MessageContent,
  steered: boolean,
  origin: RunOrigin | null,
): NewEvent {
  const payload = { text, steered, idempotencyKey, origin };
  const hasMetadata = Object.keys(metadata).length > 0;
  return { type: 'input', actor: 'USER', payload: hasMetadata ? { ...payload, metadata } : payload };
}

type Status = Extract<NewEvent, { type: 'status' }>;

function statusEvent(
  actor: Status['actor'],
  from: RunStatus | null,
  to: RunStatus,
  more: Partial<Status['payload']> = {},
): NewEvent {
  return { type: 'status', actor, payload: { from, to, reason: null, error: null, turn: null, ...more } };
}

type ApprovalDecision = Extract<NewEvent, { type: 'approval_decision' }>;

function approvalEvent(
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
function deniedResult(call: WaitingCall, reason: string | null): NewEvent {
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

/**
 * The result of a call that did not run. `error` tells the model why.
 * @param mayHaveRun whether an earlier attempt was interrupted, so that nobody knows whether it ran
 */
export function failedResult(
  call: { callId: string; tool: string },
  error: string,
  mayHaveRun = false,
): Extract<NewEvent, { type: 'tool_result' }> {
  return {
    type: 'tool_result',
    actor: 'TOOL',
    payload: {
      callId: call.callId,
      tool: call.tool,
      ok: false,
      output: null,
      error,
      durationMilliseconds: 0,
      truncated: false,
      storedText: null,
      mayHaveRun,
    },
  };
}
