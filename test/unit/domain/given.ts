import type { Decision } from '../../../src/domain/decide.ts';
import {
  type ApprovalStatus,
  type BudgetRequest,
  type DelegatedKind,
  type Json,
  type NewEvent,
  type OutputUsage,
  type PayloadOf,
  type RecordedEvent,
  type ResultCheck,
  type RunOrigin,
  SCHEMA_VERSION,
  type SequencedEvent,
  type WaitOutcome,
} from '../../../src/domain/events.ts';
import { isRefusal, type Refusal } from '../../../src/domain/refusal.ts';
import { foldRun, type Run } from '../../../src/domain/run.ts';
import type { RunLimits } from '../../../src/domain/run-limits.ts';
import type { RunStatus } from '../../../src/domain/transitions.ts';

export const runId = 'run_1';
export const origin: RunOrigin = {
  sessionId: 'ses_1',
  agentId: null,
  model: null,
  retryOf: null,
  urgent: false,
  scopes: ['read', 'write'],
};
export const limits: RunLimits = { maxSteps: 4, maxToolCalls: 6, runSeconds: 10, maxTokens: 1000, maxCost: null };
/** When the approvals of `approvalRequest` expire, in epoch milliseconds. */
export const expiry = 1_000_000;

/** Events in the order of a tape. A number is the time, in epoch milliseconds, at which the next events are recorded. */
export type Given = NewEvent | number | readonly Given[];

export function tape(...given: Given[]): SequencedEvent[] {
  const events: SequencedEvent[] = [];
  let recordedAt = 0;
  const add = (part: Given): void => {
    if (typeof part === 'number') recordedAt = part;
    else if ('type' in part) {
      events.push({ ...showing(part, events.length), recordedAt, runId, epoch: epochOf(part), seq: events.length + 1 });
    } else part.forEach(add);
  };
  given.forEach(add);
  return events;
}

/** A tape as the journal returns it. */
export function recordedTape(...given: Given[]): RecordedEvent[] {
  return tape(...given).map((event) => ({ ...event, schemaVersion: SCHEMA_VERSION, hash: '' }));
}

/** A context shows the run's events up to this seq; other events stay as they are. */
export function showing(event: NewEvent, seq: number): NewEvent {
  if (event.type !== 'context') return event;
  const { payload } = event;
  return { ...event, payload: { ...payload, shown: { ...payload.shown, to: { runId, seq } } } };
}

/** Clients record messages, decisions and the resulting status events without a lease. */
function epochOf(event: NewEvent): number | null {
  const isOfClient =
    event.type === 'input' ||
    event.type === 'approval_decision' ||
    event.type === 'wait_settled' ||
    (event.type === 'status' && (event.payload.from === null || event.payload.from === 'AWAITING_APPROVAL'));
  return isOfClient ? null : 1;
}

/** The fold of these events. */
export function runOf(...given: Given[]): Run {
  const run = foldRun(tape(...given));
  if (run === null) throw new Error('These events begin no run.');
  return run;
}

export function eventsOf(decision: Decision): NewEvent[] {
  if (isRefusal(decision)) throw new Error(`Refused: ${decision.message}`);
  return decision.events;
}

export function refusalOf(decision: Decision): Refusal {
  if (!isRefusal(decision)) throw new Error(`Not refused: ${JSON.stringify(decision.events)}`);
  return decision;
}

export function input(text: string): NewEvent {
  return { type: 'input', actor: 'USER', payload: { text, steered: false, idempotencyKey: null, origin } };
}

export function steered(text: string): NewEvent {
  return { type: 'input', actor: 'USER', payload: { text, steered: true, idempotencyKey: null, origin: null } };
}

export function status(
  from: RunStatus | null,
  to: RunStatus,
  more: Partial<PayloadOf<'status'>> = {},
): Extract<NewEvent, { type: 'status' }> {
  return { type: 'status', actor: 'SYSTEM', payload: { from, to, reason: null, error: null, turn: null, ...more } };
}

export function context(step: number, model = 'scripted'): NewEvent {
  const end = { runId, seq: 1 };
  const payload: PayloadOf<'context'> = {
    step,
    model,
    shown: { from: end, to: end, messages: 1 },
    memories: [],
    artifactId: null,
    instructionsHash: '',
    tools: [],
    estimatedTokens: 0,
    requestHash: '',
    agent: null,
    toolsHash: '',
    cutResults: [],
    failedCompaction: null,
  };
  return { type: 'context', actor: 'SYSTEM', payload };
}

interface Answer {
  text?: string;
  calls?: string[];
  finishReason?: string;
  refusal?: string;
  usage?: Partial<OutputUsage>;
  /** Size of the whole text, if it is stored beside the tape. */
  storedBytes?: number;
  /** How it compares with the output schema, if the run has one. */
  result?: ResultCheck;
}

/** The model's answer and the tool calls it requests. */
export function output(step: number, answer: Answer = {}) {
  const { text = '', calls = [], finishReason = 'stop', refusal = null, usage = {}, storedBytes, result } = answer;
  const none: OutputUsage = { input: 0, output: 0, estimated: false, cost: null, cachedInput: null, reasoning: null };
  const counted = { ...none, ...usage };
  const outputEvent: NewEvent = {
    type: 'output',
    actor: 'MODEL',
    payload: {
      step,
      text,
      storedText: storedBytes === undefined ? null : { id: 'txt_1', bytes: storedBytes, sha256: 'a' },
      toolCalls: calls,
      finishReason,
      refusal,
      usage: counted,
      model: 'scripted',
      responseId: null,
      providerState: null,
      ...(result && { result }),
    },
  };
  return [outputEvent, ...calls.map((callId) => toolCall(callId, step))];
}

export function toolCall(callId: string, step = 1, callInput: Json = { of: callId }): NewEvent {
  return {
    type: 'tool_call',
    actor: 'MODEL',
    payload: { step, callId, tool: `tool_${callId}`, input: callInput, inputError: null },
  };
}

export function toolDecision(callId: string, effect: 'ALLOW' | 'ASK' | 'DENY'): NewEvent {
  return {
    type: 'tool_decision',
    actor: 'SYSTEM',
    payload: { callId, effect, reason: 'By policy.', rule: null, definitionHash: null },
  };
}

/** The id of the approval is `apr_` and the id of the call. */
export function approvalRequest(callId: string, more: Partial<PayloadOf<'approval_request'>> = {}): NewEvent {
  const payload: PayloadOf<'approval_request'> = {
    callId,
    approvalId: `apr_${callId}`,
    risk: 'HIGH',
    summary: '',
    expiresAt: expiry,
    why: 'policy',
    target: null,
    rule: null,
    definitionHash: null,
    definition: null,
    previousDefinition: null,
    ...more,
  };
  return { type: 'approval_request', actor: 'SYSTEM', payload };
}

export function approvalDecision(callId: string, to: ApprovalStatus, editedInput: Json = null): NewEvent {
  const payload: PayloadOf<'approval_decision'> = {
    callId,
    approvalId: `apr_${callId}`,
    status: to,
    scope: to === 'ALLOWED' ? 'ONCE' : null,
    decidedBy: null,
    reason: null,
    editedInput,
    grantId: null,
    grantExpiresAt: null,
    grantTarget: null,
  };
  return { type: 'approval_decision', actor: 'USER', payload };
}

/** The id of the wait is `wait_` and the id of the call. */
export function waitRequest(callId: string, kind: DelegatedKind = 'CLIENT_TOOL'): NewEvent {
  const payload = {
    waitId: `wait_${callId}`,
    kind,
    callId,
    summary: '',
    expiresAt: expiry,
    question: null,
    budget: null,
  };
  return { type: 'wait_request', actor: 'SYSTEM', payload };
}

export function waitSettled(callId: string, outcome: WaitOutcome, kind: DelegatedKind = 'CLIENT_TOOL'): NewEvent {
  const payload = {
    waitId: `wait_${callId}`,
    kind,
    callId,
    outcome,
    decidedBy: null,
    reason: null,
    answer: null,
    granted: null,
  };
  return { type: 'wait_settled', actor: 'USER', payload };
}

/** A model call needs 500 tokens, and 90 are left of the 1,000 of the principal's day. */
export function budgetRequest(
  budget: Partial<BudgetRequest> = {},
  more: Partial<PayloadOf<'wait_request'>> = {},
): NewEvent {
  const payload: PayloadOf<'wait_request'> = {
    waitId: 'bud_1',
    kind: 'BUDGET',
    callId: null,
    summary: 'The next model call does not fit.',
    expiresAt: expiry,
    question: null,
    budget: {
      budget: 'TOKENS',
      appliesTo: 'PRINCIPAL',
      period: 'DAY',
      increases: 'today 1000',
      spent: 910,
      allowance: 1000,
      needed: 500,
      ...budget,
    },
    ...more,
  };
  return { type: 'wait_request', actor: 'SYSTEM', payload };
}

export function budgetSettled(outcome: WaitOutcome, granted: number | null = null, waitId = 'bud_1'): NewEvent {
  const payload: PayloadOf<'wait_settled'> = {
    waitId,
    kind: 'BUDGET',
    callId: null,
    outcome,
    decidedBy: null,
    reason: null,
    answer: null,
    granted,
  };
  return { type: 'wait_settled', actor: 'USER', payload };
}

export function toolStart(callId: string, attempt = 1): NewEvent {
  const payload = { callId, tool: `tool_${callId}`, attempt, idempotencyKey: `key_${callId}`, definitionHash: null };
  return { type: 'tool_start', actor: 'SYSTEM', payload };
}

export function toolProgress(callId: string, progress = 1): Extract<NewEvent, { type: 'tool_progress' }> {
  const payload = { callId, tool: `tool_${callId}`, progress, total: 10, message: 'On it.' };
  return { type: 'tool_progress', actor: 'TOOL', payload };
}

export function toolResult(callId: string, more: Partial<PayloadOf<'tool_result'>> = {}): NewEvent {
  const payload: PayloadOf<'tool_result'> = {
    callId,
    tool: `tool_${callId}`,
    ok: true,
    output: `result of ${callId}`,
    error: null,
    durationMilliseconds: 1,
    truncated: false,
    storedText: null,
    mayHaveRun: false,
    ...more,
  };
  return { type: 'tool_result', actor: 'TOOL', payload };
}

export function resumption(step: number, attempt = 1, alone = true): NewEvent {
  return {
    type: 'resumption',
    actor: 'SYSTEM',
    payload: { attempt, step, epoch: attempt + 1, lost: true, alone, brokeOff: false, reason: 'Lost.' },
  };
}

/** The model's answer was interrupted, and the step starts again. */
export function interruptedAnswer(step: number, attempt = 1): NewEvent {
  return {
    type: 'resumption',
    actor: 'SYSTEM',
    payload: { attempt, step, epoch: 1, lost: false, alone: false, brokeOff: true, reason: 'The provider broke off.' },
  };
}

export const pending: Given = [input('hello'), status(null, 'PENDING')];
export const inProgress: Given = [pending, status('PENDING', 'IN_PROGRESS', { turn: 1 })];

/** The model has requested these calls. */
export function callsRequested(...callIds: string[]): Given {
  return [inProgress, context(1), output(1, { calls: callIds })];
}

/** The approvals of these calls are requested, and the run is still IN_PROGRESS. */
export function approvalsRequested(...callIds: string[]): Given {
  return [callsRequested(...callIds), callIds.map((callId) => [toolDecision(callId, 'ASK'), approvalRequest(callId)])];
}

/** The run waits for the approvals of these calls. */
export function awaitingApproval(...callIds: string[]): Given {
  return [approvalsRequested(...callIds), status('IN_PROGRESS', 'AWAITING_APPROVAL')];
}

export const failure = { code: 'INTERNAL', message: 'It broke.', retryable: false } as const;

/** A tape that ends in each status. */
export const tapeTo: Record<RunStatus, Given> = {
  PENDING: pending,
  IN_PROGRESS: inProgress,
  AWAITING_APPROVAL: awaitingApproval('a'),
  DONE: [inProgress, context(1), output(1, { text: 'Done.' }), status('IN_PROGRESS', 'DONE')],
  CANCELLED: [inProgress, status('IN_PROGRESS', 'CANCELLED', { reason: 'Enough.' })],
  FAILED: [inProgress, status('IN_PROGRESS', 'FAILED', { reason: failure.message, error: failure })],
};
