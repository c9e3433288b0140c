import type { AttachmentFragment } from '../generated/documents.ts';
import type { TapeEvent } from './tape-event.ts';

/** Of all model calls of a run so far. */
export interface Usage {
  inputTokens: number;
  outputTokens: number;
  totalTokens: number;
  /** Whether a part of it was estimated. */
  estimated: boolean;
  /** In the currency of the gateway's catalogue; null if no model call had a price. */
  cost: number | null;
}

export type RunState = Extract<TapeEvent, { type: 'STATUS' }>['to'];
export type ToolCallState = 'REQUESTED' | 'WAITING' | 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'DENIED' | 'CANCELLED';

export interface ToolCallItem {
  callId: string;
  step: number;
  tool: string;
  /** What the tool is called with: the model's input, or what the approver put in its place. */
  input: unknown;
  state: ToolCallState;
  output: unknown;
  error: string | null;
  /** The id of what the call waits for, or waited for last; null if it never waited. */
  waitId: string | null;
  /** As the tool reported it last. */
  progress: { progress: number; total: number | null; message: string | null } | null;
}

/** `url` is a path on the gateway, which returns the file to a request with the same token. */
export type AttachmentItem = AttachmentFragment;

/** A message of a conversation: what the user wrote, or the answer of one model call. */
export interface MessageItem {
  /** Position on the tape. */
  cursor: string;
  role: 'USER' | 'ASSISTANT';
  text: string;
  /** The model's reasoning, where the model shows it. */
  thought: string;
  runId: string;
  /** The model call; null for messages of the user. */
  step: number | null;
  /** False while it is streaming. */
  complete: boolean;
  createdAt: string;
  toolCalls: readonly ToolCallItem[];
  /** The files of a message of the user. */
  attachments: readonly AttachmentItem[];
}

/** What the events of a run seen so far add up to. */
export interface RunSnapshot {
  id: string;
  state: RunState;
  /** The newest answer of the model, as it grows. In the end it is the answer of the run. */
  text: string;
  /** Seq of the newest event seen; 0 before the first. */
  head: number;
  /** Position of the newest event seen. */
  cursor: string | null;
  /** The message that started the run. */
  input: string;
  /** The answer; null until DONE. */
  output: string | null;
  model: string | null;
  finishReason: string | null;
  /** Why it failed; null unless FAILED. */
  error: { code: string; message: string; retryable: boolean } | null;
  /** Null unless CANCELLED. */
  cancelReason: string | null;
  /** Model calls that have answered. */
  steps: number;
  resumptions: number;
  usage: Usage;
  messages: readonly MessageItem[];
  /** Every tool call of the run, in order. */
  calls: readonly ToolCallItem[];
  /** Ids of the approvals and other waits that are open. */
  waits: readonly string[];
  createdAt: string | null;
  startedAt: string | null;
  endedAt: string | null;
}

export function emptyRun(id: string): RunSnapshot {
  return {
    id,
    state: 'PENDING',
    text: '',
    head: 0,
    cursor: null,
    input: '',
    output: null,
    model: null,
    finishReason: null,
    error: null,
    cancelReason: null,
    steps: 0,
    resumptions: 0,
    usage: { inputTokens: 0, outputTokens: 0, totalTokens: 0, estimated: false, cost: null },
    messages: [],
    calls: [],
    waits: [],
    createdAt: null,
    startedAt: null,
    endedAt: null,
  };
}

export const isEnded = (state: RunState) => state === 'DONE' || state === 'FAILED' || state === 'CANCELLED';

type Of<Type extends TapeEvent['type']> = Extract<TapeEvent, { type: Type }>;

interface WaitPayload {
  waitId: string;
  callId: string | null;
}

/**
 * Applies a batch of events. What it does not concern keeps its identity. Each list is copied once for the batch, not for each event: a
 * run can have tens of thousands of calls.
 */
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: what each event changes reads best in one place
export function evolve(previous: RunSnapshot, events: readonly TapeEvent[]): RunSnapshot {
  const run = { ...previous };
  const made = new Set<object>();
  let event: TapeEvent;

  /** What this batch has made is changed in place, because nobody else has seen it. Everything else is copied first. */
  function own<T extends object>(value: T): T {
    if (made.has(value)) return value;
    const copy = (Array.isArray(value) ? [...value] : { ...value }) as T;
    made.add(copy);
    return copy;
  }

  function put<Item>(list: readonly Item[], item: Item, index = list.length): readonly Item[] {
    const owned = own(list) as Item[];
    owned[index] = item;
    return owned;
  }

  /** The message of a model call, to be changed; begins it if there is none. */
  function answerOf(step: number): MessageItem {
    // From the end, where the newest step is.
    const index = run.messages.findLastIndex((message) => message.step !== null && message.step <= step);
    const newest = run.messages[index];
    const isNew = newest?.step !== step;
    const answer = own(isNew ? messageOf(event, 'ASSISTANT', step, '') : newest);
    run.messages = put(run.messages, answer, isNew ? undefined : index);
    return answer;
  }

  function complete({ step, text, cursor, usage, finishReason }: Of<'OUTPUT'>): void {
    Object.assign(answerOf(step), { text, cursor, complete: true });
    // The last answer is the answer of the run, even if it is empty.
    run.text = text;
    run.steps += 1;
    run.finishReason = finishReason;
    const sum = own(run.usage);
    sum.inputTokens += usage.inputTokens;
    sum.outputTokens += usage.outputTokens;
    sum.totalTokens += usage.totalTokens;
    sum.estimated ||= usage.estimated;
    if (usage.cost !== null) sum.cost = (sum.cost ?? 0) + usage.cost;
    run.usage = sum;
  }

  function enter({ to, recordedAt, statusReason, failure }: Of<'STATUS'>): void {
    run.state = to;
    if (to === 'IN_PROGRESS') run.startedAt ??= recordedAt;
    if (!isEnded(to)) return;
    run.endedAt = recordedAt;
    run.waits = [];
    if (to === 'DONE') run.output = run.text;
    else if (to === 'CANCELLED') run.cancelReason = statusReason;
    else run.error = failure ?? { code: 'INTERNAL', message: statusReason ?? 'The run failed.', retryable: false };
    // Nothing is added to an answer that was interrupted, and no call continues.
    for (const { step, complete: isComplete } of run.messages) {
      if (!isComplete) answerOf(step as number).complete = true;
    }
    for (const { callId, state } of run.calls) {
      if (state === 'REQUESTED' || state === 'WAITING' || state === 'RUNNING') callOf(callId).state = 'CANCELLED';
    }
  }

  function addCall({ step, callId, tool, input }: Of<'TOOL_CALL'>): void {
    const call: ToolCallItem = {
      callId,
      step,
      tool,
      input,
      state: 'REQUESTED',
      output: null,
      error: null,
      waitId: null,
      progress: null,
    };
    run.calls = put(run.calls, call);
    const message = answerOf(step);
    message.toolCalls = put(message.toolCalls, call);
  }

  /** A call, to be changed in the list and in its message. Changing one that is not known has no effect. */
  function callOf(callId: string | null): Partial<ToolCallItem> {
    // Budgets belong to no call.
    const index = callId === null ? -1 : run.calls.findLastIndex((call) => call.callId === callId);
    const call = run.calls[index];
    if (!call) return {};
    const owned = own(call);
    // Otherwise this batch has put it into both lists.
    if (owned !== call) {
      run.calls = put(run.calls, owned, index);
      const message = answerOf(call.step);
      message.toolCalls = put(message.toolCalls, owned, message.toolCalls.lastIndexOf(call));
    }
    return owned;
  }

  function openWait(waitId: string, callId: string | null): void {
    run.waits = put(run.waits, waitId);
    Object.assign(callOf(callId), { state: 'WAITING', waitId });
  }

  function settleWait(waitId: string, callId: string | null): Partial<ToolCallItem> {
    run.waits = run.waits.filter((id) => id !== waitId);
    return callOf(callId);
  }

  function settleApproval({ callId, status, approval }: Of<'APPROVAL_DECISION'>): void {
    const call = settleWait(approval.id, callId);
    call.state = status === 'DENIED' || status === 'EXPIRED' ? 'DENIED' : 'REQUESTED';
    if (approval.editedInput !== null) call.input = approval.editedInput;
  }

  function finishCall({ callId, ok, output, error }: Of<'TOOL_RESULT'>): void {
    const call = callOf(callId);
    const state = ok ? 'SUCCEEDED' : call.state === 'DENIED' ? 'DENIED' : 'FAILED';
    Object.assign(call, { state, output, error });
  }

  /** The step starts over: what it has said so far is dropped. */
  function resume({ step, recorded }: Of<'RESUMPTION'>): void {
    // Only the model's answer was interrupted; the run itself went on.
    const { brokeOff } = recorded as { brokeOff: boolean };
    if (!brokeOff) run.resumptions += 1;
    const messages = run.messages.filter((message) => message.step !== step || message.complete);
    if (messages.length === run.messages.length) return;
    run.messages = messages;
    run.text = messages.findLast(({ role, text }) => role === 'ASSISTANT' && text !== '')?.text ?? '';
  }

  for (event of events) {
    switch (event.type) {
      case 'INPUT':
        run.messages = put(run.messages, messageOf(event, 'USER', null, event.text, event.attachments));
        if (run.head === 0) Object.assign(run, { input: event.text, createdAt: event.recordedAt });
        break;
      case 'STATUS':
        enter(event);
        break;
      case 'CONTEXT':
        run.model ??= event.model;
        break;
      case 'THOUGHT':
        answerOf(event.step).thought += event.text;
        break;
      case 'OUTPUT_DELTA':
        run.text = answerOf(event.step).text += event.text;
        break;
      case 'OUTPUT':
        complete(event);
        break;
      case 'TOOL_CALL':
        addCall(event);
        break;
      case 'APPROVAL_REQUEST':
        openWait(event.approval.id, event.callId);
        break;
      case 'APPROVAL_DECISION':
        settleApproval(event);
        break;
      case 'WAIT_REQUEST': {
        const { waitId, callId } = event.payload as WaitPayload;
        openWait(waitId, callId);
        break;
      }
      case 'WAIT_SETTLED': {
        const { waitId, callId } = event.payload as WaitPayload;
        // A tool that asked goes on. The result of any other call follows at once.
        settleWait(waitId, callId).state = 'RUNNING';
        break;
      }
      case 'TOOL_START':
        callOf(event.callId).state = 'RUNNING';
        break;
      case 'TOOL_PROGRESS': {
        const { progress, total, message } = event;
        callOf(event.callId).progress = { progress, total, message };
        break;
      }
      case 'TOOL_RESULT':
        finishCall(event);
        break;
      case 'RESUMPTION':
        resume(event);
        break;
      // Kinds of events that a newer gateway records mean nothing to this version.
    }
    run.head = event.seq;
    run.cursor = event.cursor;
  }
  return run;
}

function messageOf(
  { cursor, runId, recordedAt: createdAt }: TapeEvent,
  role: MessageItem['role'],
  step: number | null,
  text: string,
  attachments: MessageItem['attachments'] = [],
): MessageItem {
  const complete = role === 'USER';
  return { cursor, role, text, thought: '', runId, step, complete, createdAt, toolCalls: [], attachments };
}
