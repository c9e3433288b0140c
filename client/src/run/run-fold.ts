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

/** Applies one event. Messages and calls that it does not concern keep their identity. */
export function evolve(run: RunSnapshot, event: TapeEvent): RunSnapshot {
  const next: RunSnapshot = { ...run, head: event.seq, cursor: event.cursor };
  switch (event.type) {
    case 'INPUT':
      next.messages = [...run.messages, messageOf(event, 'USER', null, event.text, event.attachments)];
      if (run.head > 0) return next;
      return { ...next, input: event.text, createdAt: event.recordedAt };
    case 'STATUS':
      return enter(next, event);
    case 'CONTEXT':
      next.model ??= event.model;
      return next;
    case 'THOUGHT':
      return changeAnswer(next, event, (answer) => ({ ...answer, thought: answer.thought + event.text }));
    case 'OUTPUT_DELTA':
      return changeAnswer(next, event, (answer) => ({ ...answer, text: answer.text + event.text }));
    case 'OUTPUT':
      return complete(next, event);
    case 'TOOL_CALL':
      return addCall(next, event);
    case 'APPROVAL_REQUEST':
      next.waits = [...run.waits, event.approval.id];
      return changeCall(next, event.callId, { state: 'WAITING', waitId: event.approval.id });
    case 'APPROVAL_DECISION':
      return settleApproval(next, event);
    case 'WAIT_REQUEST':
    case 'WAIT_SETTLED':
      return changeWait(next, event);
    case 'TOOL_START':
      return changeCall(next, event.callId, { state: 'RUNNING' });
    case 'TOOL_PROGRESS': {
      const { progress, total, message } = event;
      return changeCall(next, event.callId, { progress: { progress, total, message } });
    }
    case 'TOOL_RESULT':
      return finishCall(next, event);
    case 'RESUMPTION':
      return resume(next, event);
    default:
      // Kinds of events that a newer gateway records mean nothing to this version.
      return next;
  }
}

type Of<Type extends TapeEvent['type']> = Extract<TapeEvent, { type: Type }>;

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

const isOfStep =
  (step: number) =>
  (message: MessageItem): boolean =>
    message.step === step;

/** Changes the message of a model call; begins it if there is none. */
function changeAnswer(
  run: RunSnapshot,
  event: Of<'THOUGHT' | 'OUTPUT_DELTA' | 'OUTPUT'>,
  change: (answer: MessageItem) => MessageItem,
): RunSnapshot {
  const isAnswer = isOfStep(event.step);
  const begun = run.messages.findLast(isAnswer)
    ? run.messages
    : [...run.messages, messageOf(event, 'ASSISTANT', event.step, '')];
  const messages = changeLast(begun, isAnswer, change);
  return { ...run, messages, text: newestText(messages) };
}

function newestText(messages: readonly MessageItem[]): string {
  return messages.findLast(({ role, text }) => role === 'ASSISTANT' && text !== '')?.text ?? '';
}

function complete(run: RunSnapshot, event: Of<'OUTPUT'>): RunSnapshot {
  const { text, cursor, usage, finishReason } = event;
  const next = changeAnswer(run, event, (answer) => ({ ...answer, text, cursor, complete: true }));
  const cost = usage.cost === null ? run.usage.cost : (run.usage.cost ?? 0) + usage.cost;
  return {
    ...next,
    // The last answer is the answer of the run, even if it is empty.
    text,
    steps: run.steps + 1,
    finishReason,
    usage: {
      inputTokens: run.usage.inputTokens + usage.inputTokens,
      outputTokens: run.usage.outputTokens + usage.outputTokens,
      totalTokens: run.usage.totalTokens + usage.totalTokens,
      estimated: run.usage.estimated || usage.estimated,
      cost,
    },
  };
}

function enter(run: RunSnapshot, { to, recordedAt, statusReason, failure }: Of<'STATUS'>): RunSnapshot {
  const next: RunSnapshot = { ...run, state: to };
  if (to === 'IN_PROGRESS') next.startedAt ??= recordedAt;
  if (!isEnded(to)) return next;
  next.endedAt = recordedAt;
  next.waits = [];
  if (to === 'DONE') next.output = run.text;
  if (to === 'CANCELLED') next.cancelReason = statusReason;
  if (to === 'FAILED') {
    next.error = failure ?? { code: 'INTERNAL', message: statusReason ?? 'The run failed.', retryable: false };
  }
  if (to === 'DONE') return next;
  // Nothing is added to an answer that was interrupted.
  next.messages = run.messages.map((message) => (message.complete ? message : { ...message, complete: true }));
  const isOpen = ({ state }: ToolCallItem) => state === 'REQUESTED' || state === 'WAITING' || state === 'RUNNING';
  return run.calls
    .filter(isOpen)
    .reduce((changed, { callId }) => changeCall(changed, callId, { state: 'CANCELLED' }), next);
}

function addCall(run: RunSnapshot, { step, callId, tool, input }: Of<'TOOL_CALL'>): RunSnapshot {
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
  return {
    ...run,
    calls: [...run.calls, call],
    messages: changeLast(run.messages, isOfStep(step), (message) => ({
      ...message,
      toolCalls: [...message.toolCalls, call],
    })),
  };
}

/** Searches from the end, where most changes are: a run may have thousands of messages and calls. */
function changeLast<Item>(
  items: readonly Item[],
  isIt: (item: Item) => boolean,
  change: (item: Item) => Item,
): readonly Item[] {
  const index = items.findLastIndex(isIt);
  const item = items[index];
  return item === undefined ? items : items.with(index, change(item));
}

/** Changes a call in the list and in its message. */
function changeCall(run: RunSnapshot, callId: string | null, change: Partial<ToolCallItem>): RunSnapshot {
  const isCall = (call: ToolCallItem) => call.callId === callId;
  const call = { ...run.calls.findLast(isCall), ...change } as ToolCallItem;
  const replaced = (calls: readonly ToolCallItem[]) => changeLast(calls, isCall, () => call);
  return {
    ...run,
    calls: replaced(run.calls),
    messages: changeLast(
      run.messages,
      ({ toolCalls }) => toolCalls.some(isCall),
      (message) => ({ ...message, toolCalls: replaced(message.toolCalls) }),
    ),
  };
}

function changeWait(run: RunSnapshot, { type, payload }: Of<'WAIT_REQUEST' | 'WAIT_SETTLED'>): RunSnapshot {
  const { waitId, callId } = payload as { waitId: string; callId: string | null };
  const waits = run.waits.filter((id) => id !== waitId);
  if (type === 'WAIT_REQUEST') {
    return changeCall({ ...run, waits: [...waits, waitId] }, callId, { state: 'WAITING', waitId });
  }
  // A tool that asked goes on. The result of any other call follows at once.
  return changeCall({ ...run, waits }, callId, { state: 'RUNNING' });
}

function settleApproval(run: RunSnapshot, { callId, status, approval }: Of<'APPROVAL_DECISION'>): RunSnapshot {
  const next = { ...run, waits: run.waits.filter((id) => id !== approval.id) };
  if (status === 'DENIED' || status === 'EXPIRED') return changeCall(next, callId, { state: 'DENIED' });
  const { editedInput: input } = approval;
  return changeCall(next, callId, { state: 'REQUESTED', ...(input !== null && { input }) });
}

function finishCall(run: RunSnapshot, { callId, ok, output, error }: Of<'TOOL_RESULT'>): RunSnapshot {
  const isDenied = run.calls.findLast((call) => call.callId === callId)?.state === 'DENIED';
  const state = ok ? 'SUCCEEDED' : isDenied ? 'DENIED' : 'FAILED';
  return changeCall(run, callId, { state, output, error });
}

/** The step starts over: what it has said so far is dropped. */
function resume(run: RunSnapshot, { step, recorded }: Of<'RESUMPTION'>): RunSnapshot {
  // Only the model's answer was interrupted; the run itself went on.
  const { brokeOff } = recorded as { brokeOff: boolean };
  const messages = run.messages.filter((message) => message.step !== step || message.complete);
  const isUnchanged = messages.length === run.messages.length;
  const next = { ...run, resumptions: run.resumptions + (brokeOff ? 0 : 1) };
  return isUnchanged ? next : { ...next, messages, text: newestText(messages) };
}
