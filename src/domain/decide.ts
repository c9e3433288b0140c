import type { ApprovalScope, Json, NewEvent, PayloadOf, RunError, RunOrigin } from './events.ts';
import { inputEvent, type MessageContent, statusEvent } from './message-and-status.ts';
import { conflict, type Refusal, refuseTransition, waitAlreadySettled } from './refusal.ts';
import type { Run } from './run.ts';
import {
  approvalDecision,
  deniedBudget,
  deniedResult,
  expiryOf,
  type QuestionReply,
  resultOfReply,
  type SubmittedResult,
  submittedResult,
  waitSettled,
  withdrawalOf,
} from './settled-wait.ts';
import { type AskingCall, isAsking, isStarted } from './step.ts';
import { isTerminal, transitions } from './transitions.ts';
import { type OpenWait, openWaits } from './wait.ts';

/** A command to one run. Times are in epoch milliseconds; the caller makes the ids. */
export type RunCommand =
  /** With a `turn`, its position among the started runs of the session, the run is started at once. */
  | ({ kind: 'send'; origin: RunOrigin; turn?: number } & MessageContent)
  | ({ kind: 'steer' } & MessageContent)
  | { kind: 'start'; turn: number }
  /** Records what an executor did or is about to do. */
  | { kind: 'record'; events: NewEvent[] }
  /** Records the question of a running tool. Refused once its call has its result, and while it asks already. */
  | { kind: 'ask'; request: Extract<NewEvent, { type: 'wait_request' }> }
  /** Records the progress of a running tool call. Dropped once the call has its result. */
  | { kind: 'report'; payload: PayloadOf<'tool_progress'> }
  | { kind: 'requestApproval' }
  | { kind: 'decideApproval'; approvalId: string; verdict: ApprovalVerdict }
  /** The result of a call that a client runs. */
  | { kind: 'submitToolResult'; waitId: string; by: string; result: SubmittedResult }
  /** Whether the run may use more than a budget. */
  | { kind: 'decideBudget'; waitId: string; verdict: BudgetVerdict }
  /** What a person does with a question. */
  | { kind: 'answerQuestion'; waitId: string; by: string; reply: QuestionReply; reason: string | null }
  /** `deny` counts as the negative decision of its kind. */
  | { kind: 'expireWait'; waitId: string; onExpiry: 'deny' | 'fail' }
  /** Withdraws an open approval. `events` request another one, or give the call its result. */
  | { kind: 'replaceApproval'; approvalId: string; reason: string; events: NewEvent[] }
  /** Records the result of a running call, and withdraws its question if one is open. */
  | { kind: 'endCall'; result: PayloadOf<'tool_result'> }
  /** Withdraws the questions of running calls, because nobody takes their answers: one of them, or all if it is null. */
  | { kind: 'withdrawQuestions'; waitId: string | null; reason: string }
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

/** `increase`: how much more the run may use, in the unit of the budget; null for what its next model call needs. */
export type BudgetVerdict =
  | { decision: 'ALLOW'; by: string; increase: number | null; reason: string | null }
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
        : events(inputEvent(command, null));
    case 'record':
      return run.state.status === 'IN_PROGRESS'
        ? { kind: 'events', events: command.events }
        : refuseTransition(run.runId, run.state.status, 'record');
    case 'ask':
      return ask(run, command.request);
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
    case 'submitToolResult':
      return submitToolResult(run, command, now);
    case 'decideBudget':
      return decideBudget(run, command, now);
    case 'answerQuestion':
      return answerQuestion(run, command, now);
    case 'expireWait':
      return expireWait(run, command);
    case 'replaceApproval':
      return replaceApproval(run, command);
    case 'endCall':
      return endCall(run, command);
    case 'withdrawQuestions':
      return events(
        ...withdrawQuestions(run, ({ phase }) => (command.waitId ?? phase.waitId) === phase.waitId, command.reason),
      );
    default:
      return command satisfies never;
  }
}

function begin({ origin, turn, ...content }: Extract<RunCommand, { kind: 'send' }>): Decision {
  return events(
    inputEvent(content, origin),
    statusEvent('USER', null, 'PENDING'),
    ...(turn === undefined ? [] : [statusEvent('SYSTEM', 'PENDING', 'IN_PROGRESS', { turn })]),
  );
}

function ask(run: Run, request: Extract<RunCommand, { kind: 'ask' }>['request']): Decision {
  const { callId } = request.payload;
  if (run.state.status !== 'IN_PROGRESS') return refuseTransition(run.runId, run.state.status, 'ask');
  if (callId !== null && isStarted(run.step, callId)) return events(request);
  return conflict(`Call ${callId} of run ${run.runId} cannot ask: it has its result, or it asks already.`);
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

/** Ending a run withdraws every wait that is still open. */
function end(run: Run, command: Extract<RunCommand, { kind: 'fail' | 'cancel' }>): Decision {
  const from = run.state.status;
  const to = transitions[from][command.kind];
  if (to === null) {
    return from === 'CANCELLED' && command.kind === 'cancel'
      ? events()
      : refuseTransition(run.runId, from, command.kind);
  }
  const withdrawn = openWaits(run).map((wait) => withdrawalOf(wait));
  const status =
    command.kind === 'cancel'
      ? statusEvent('USER', from, to, { reason: command.reason })
      : statusEvent('SYSTEM', from, to, { reason: command.error.message, error: command.error });
  return events(...withdrawn, status);
}

/**
 * The events that settle a wait that is open; null if it is settled already, so it is settled once. `settle` returns null if the wait
 * is of another kind.
 */
function settleWait(run: Run, waitId: string, settle: (wait: OpenWait) => NewEvent[] | null): NewEvent[] | null {
  const wait = isTerminal(run.state.status) ? undefined : openWaits(run).find(({ id }) => id === waitId);
  return wait ? settle(wait) : null;
}

function decideApproval(run: Run, approvalId: string, verdict: ApprovalVerdict, now: number): Decision {
  const settled = settleWait(run, approvalId, (wait) => {
    if (wait.kind !== 'APPROVAL' || wait.expiresAt <= now) return null;
    const { call } = wait;
    const { by: decidedBy, reason } = verdict;
    if (verdict.decision === 'DENY') {
      return [
        approvalDecision('USER', call, { status: 'DENIED', decidedBy, reason }),
        deniedResult(call, reason),
        ...resumption(run, wait),
      ];
    }
    const { scope, editedInput, grant } = verdict;
    return [
      approvalDecision('USER', call, {
        status: 'ALLOWED',
        scope,
        decidedBy,
        reason,
        editedInput,
        grantId: grant?.grantId ?? null,
        grantExpiresAt: grant?.expiresAt ?? null,
        grantTarget: grant?.target ?? null,
      }),
      ...resumption(run, wait),
    ];
  });
  return settled ? events(...settled) : approvalSettled(approvalId);
}

function submitToolResult(
  run: Run,
  { waitId, by: decidedBy, result }: Extract<RunCommand, { kind: 'submitToolResult' }>,
  now: number,
): Decision {
  const settled = settleWait(run, waitId, (wait) => {
    if (wait.kind !== 'CLIENT_TOOL' || wait.expiresAt <= now) return null;
    return [
      waitSettled('USER', wait, { outcome: result.ok ? 'COMPLETED' : 'FAILED', decidedBy }),
      submittedResult(wait.call, result, now),
      ...resumption(run, wait),
    ];
  });
  return settled ? events(...settled) : waitAlreadySettled(waitId);
}

const replyOutcomes = { ANSWER: 'ANSWERED', DECLINE: 'DECLINED', CANCEL: 'CANCELLED' } as const;

function answerQuestion(
  run: Run,
  { waitId, by: decidedBy, reply, reason }: Extract<RunCommand, { kind: 'answerQuestion' }>,
  now: number,
): Decision {
  const settled = settleWait(run, waitId, (wait) => {
    if (wait.kind !== 'QUESTION' || wait.expiresAt <= now) return null;
    const { call } = wait;
    const answer = reply.action === 'ANSWER' ? reply.answer : null;
    return [
      waitSettled('USER', wait, { outcome: replyOutcomes[reply.action], decidedBy, reason, answer }),
      ...(isAsking(call) ? [] : [submittedResult(call, resultOfReply(reply, reason), now)]),
      ...resumption(run, wait),
    ];
  });
  return settled ? events(...settled) : waitAlreadySettled(waitId);
}

function decideBudget(
  run: Run,
  { waitId, verdict }: Extract<RunCommand, { kind: 'decideBudget' }>,
  now: number,
): Decision {
  const settled = settleWait(run, waitId, (wait) => {
    if (wait.kind !== 'BUDGET' || wait.expiresAt <= now) return null;
    const { by: decidedBy, reason } = verdict;
    if (verdict.decision === 'ALLOW') {
      const granted = verdict.increase ?? wait.request.needed;
      return [waitSettled('USER', wait, { outcome: 'ALLOWED', decidedBy, reason, granted }), ...resumption(run, wait)];
    }
    const denied = waitSettled('USER', wait, { outcome: 'DENIED', decidedBy, reason });
    return [denied, ...failureAfter(run, waitId, deniedBudget(wait.request, reason))];
  });
  return settled ? events(...settled) : waitAlreadySettled(waitId);
}

function expireWait(run: Run, { waitId, onExpiry }: Extract<RunCommand, { kind: 'expireWait' }>): Decision {
  const settled = settleWait(run, waitId, (wait) => {
    const { expired, consequences, error } = expiryOf(wait);
    if (error !== null && (onExpiry === 'fail' || consequences === null)) {
      return [expired, ...failureAfter(run, waitId, error)];
    }
    return [expired, ...(consequences ?? []), ...resumption(run, wait)];
  });
  return settled ? events(...settled) : waitAlreadySettled(waitId);
}

function replaceApproval(
  run: Run,
  { approvalId, reason, events: replacement }: Extract<RunCommand, { kind: 'replaceApproval' }>,
): Decision {
  const settled = settleWait(run, approvalId, (wait) => {
    if (wait.kind !== 'APPROVAL') return null;
    const isSettled = replacement.some(({ type }) => type === 'tool_result');
    return [withdrawalOf(wait, reason), ...replacement, ...(isSettled ? resumption(run, wait) : [])];
  });
  return settled ? events(...settled) : approvalSettled(approvalId);
}

function endCall(run: Run, { result }: Extract<RunCommand, { kind: 'endCall' }>): Decision {
  const withdrawn = withdrawQuestions(run, ({ callId }) => callId === result.callId, 'The call ended.');
  if (withdrawn.length === 0 && run.state.status !== 'IN_PROGRESS') {
    return refuseTransition(run.runId, run.state.status, 'endCall');
  }
  return events(...withdrawn, { type: 'tool_result', actor: 'TOOL', payload: result });
}

/** The calls of the questions go on, and with them the run. */
function withdrawQuestions(run: Run, isMeant: (call: AskingCall) => boolean, reason: string): NewEvent[] {
  const meant = openWaits(run).filter((wait) => 'call' in wait && isAsking(wait.call) && isMeant(wait.call));
  const [first] = meant;
  return first ? [...meant.map((wait) => withdrawalOf(wait, reason)), ...resumption(run, first)] : [];
}

/** The run fails after one of its waits was settled. The others are withdrawn. */
function failureAfter(run: Run, waitId: string, error: RunError): NewEvent[] {
  const others = openWaits(run).filter(({ id }) => id !== waitId);
  return [
    ...others.map((other) => withdrawalOf(other)),
    statusEvent('SYSTEM', run.state.status, 'FAILED', { reason: error.message, error }),
  ];
}

/** Resumes a waiting run when its last open wait is settled, or when a tool that runs has its answer. */
function resumption(run: Run, wait: OpenWait): NewEvent[] {
  const to = transitions[run.state.status].resume;
  const goesOn = ('call' in wait && isAsking(wait.call)) || openWaits(run).length === 1;
  return to !== null && goesOn ? [statusEvent('SYSTEM', run.state.status, to)] : [];
}

function approvalSettled(approvalId: string): Refusal {
  return { kind: 'approval-settled', approvalId, message: `Approval ${approvalId} is already settled.` };
}
