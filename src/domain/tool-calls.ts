import type { EventType, Json, SequencedEvent, SequencedEventOf } from './events.ts';
import { isTerminal } from './transitions.ts';
import { type WaitChange, type WaitKind, waitChangeOf } from './wait.ts';

export const toolCallStates = [
  'REQUESTED',
  'WAITING',
  'RUNNING',
  'SUCCEEDED',
  'FAILED',
  'DENIED',
  'CANCELLED',
] as const;
export type ToolCallState = (typeof toolCallStates)[number];

/** One tool call, from its request to its end. Times are in epoch milliseconds. */
export interface ToolCallFold {
  runId: string;
  callId: string;
  /** The model call that requested it. */
  step: number;
  tool: string;
  /** What the tool is called with: the model's input, or the one that an approver replaced it with. */
  input: Json;
  state: ToolCallState;
  /** What the call waits or waited for, oldest first. */
  waits: readonly { kind: WaitKind; id: string }[];
  /** Null unless SUCCEEDED. */
  output: Json;
  /** What the model is told instead of an output; null if there is no result yet. */
  error: string | null;
  attempts: number;
  requestedAt: number;
  /** Of the last attempt; null before the first. */
  startedAt: number | null;
  /** Null until it has a result or the run has ended. */
  endedAt: number | null;
}

/** The events that tool calls are folded from. Everything else on a tape says nothing about them. */
export const toolCallEventTypes: EventType[] = [
  'tool_call',
  'tool_decision',
  'approval_request',
  'approval_decision',
  'wait_request',
  'wait_settled',
  'tool_start',
  'tool_result',
  'status',
];

/**
 * Folds the tool calls of one run, in the order of its tape. Events of calls whose request is not among the events are ignored, so
 * the events may begin at any model's answer.
 */
export function toolCallsOf(events: Iterable<SequencedEvent>): ToolCallFold[] {
  const calls = new Map<string, ToolCallFold>();
  const change = (callId: string | null, next: (call: ToolCallFold) => Partial<ToolCallFold>) => {
    const call = callId === null ? undefined : calls.get(callId);
    if (call) calls.set(call.callId, { ...call, ...next(call) });
  };
  for (const event of events) {
    const { type, payload, recordedAt } = event;
    const wait = waitChangeOf(event);
    if (wait) change(wait.callId, (call) => afterWait(call, wait));
    else if (type === 'tool_call') calls.set(payload.callId, requested(event));
    else if (type === 'tool_decision')
      change(payload.callId, () => (payload.effect === 'DENY' ? { state: 'DENIED' } : {}));
    else if (type === 'tool_start') {
      change(payload.callId, () => ({ state: 'RUNNING', attempts: payload.attempt, startedAt: recordedAt }));
    } else if (type === 'tool_result') change(payload.callId, (call) => afterResult(call, event));
    else if (type === 'status' && isTerminal(payload.to)) {
      for (const { callId } of calls.values()) change(callId, (call) => afterEnd(call, recordedAt));
    }
  }
  return [...calls.values()];
}

function requested({ runId, payload, recordedAt }: SequencedEventOf<'tool_call'>): ToolCallFold {
  const { callId, step, tool, input } = payload;
  return {
    runId,
    callId,
    step,
    tool,
    input,
    state: 'REQUESTED',
    waits: [],
    output: null,
    error: null,
    attempts: 0,
    requestedAt: recordedAt,
    startedAt: null,
    endedAt: null,
  };
}

function afterWait(call: ToolCallFold, wait: WaitChange): Partial<ToolCallFold> {
  if (wait.change === 'opened') return { state: 'WAITING', waits: [...call.waits, { kind: wait.kind, id: wait.id }] };
  const isDenied = wait.kind === 'APPROVAL' && (wait.status === 'DENIED' || wait.status === 'EXPIRED');
  // A tool that runs and asked goes on.
  const next = wait.kind === 'QUESTION' && call.attempts > 0 ? 'RUNNING' : 'REQUESTED';
  return { state: isDenied ? 'DENIED' : next, input: wait.editedInput ?? call.input };
}

/** A call that was denied gets a result too, which tells the model so. */
function afterResult({ state }: ToolCallFold, { payload, recordedAt }: SequencedEventOf<'tool_result'>) {
  const { ok, output, error } = payload;
  if (ok) return { state: 'SUCCEEDED', output, error: null, endedAt: recordedAt } as const;
  return { state: state === 'DENIED' ? state : 'FAILED', error, endedAt: recordedAt } as const;
}

/** A call without a result is not continued. */
function afterEnd({ state, endedAt }: ToolCallFold, recordedAt: number): Partial<ToolCallFold> {
  return endedAt === null ? { state: state === 'DENIED' ? state : 'CANCELLED', endedAt: recordedAt } : {};
}
