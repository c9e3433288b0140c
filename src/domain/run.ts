import type { BudgetIncreases } from './budget.ts';
import {
  type AgentRef,
  type AttachmentRef,
  type BudgetRequest,
  type ClientToolDeclaration,
  isProgress,
  lastShown,
  type NewEvent,
  type ResultCheck,
  type RunError,
  type RunOrigin,
  type SequencedEvent,
  type SequencedEventOf,
  type StoredTextRef,
} from './events.ts';
import { type Metadata, noMetadata } from './metadata.ts';
import {
  type CallPhase,
  callsOf,
  isAsking,
  openWait,
  type StepPhase,
  settleWait,
  stepAfterInput,
  type ToolCall,
  updateCall,
  withCall,
} from './step.ts';

export interface RunUsage {
  inputTokens: number;
  outputTokens: number;
  estimated: boolean;
  /** Null if no output had a price. */
  cost: number | null;
}

/** The status of a run, with the fields that exist only in it. */
export type RunState =
  | { status: 'PENDING' }
  /** `activeSince`: when the run was last started or resumed or its time at work was recorded, in epoch milliseconds. */
  | { status: 'IN_PROGRESS'; activeSince: number }
  | { status: 'AWAITING_APPROVAL' }
  /**
   * `output` is the beginning of the answer if `storedOutput` names the whole of it. `hasResult`: the answer fits the output schema.
   */
  | { status: 'DONE'; output: string; storedOutput: StoredTextRef | null; hasResult: boolean; endedAt: number }
  | { status: 'CANCELLED'; reason: string | null; endedAt: number }
  | { status: 'FAILED'; error: RunError; endedAt: number };

/** A wait for more budget. `expiresAt` is in epoch milliseconds. */
export interface BudgetWait {
  waitId: string;
  expiresAt: number;
  request: BudgetRequest;
}

/** The fold of one tape. Times are in epoch milliseconds. */
export interface Run {
  runId: string;
  state: RunState;
  origin: RunOrigin;
  input: string;
  /** Of the message that started it; that of steered messages is on the tape only. */
  metadata: Metadata;
  /** Of all its messages, with the seq of the message. */
  attachments: readonly (AttachmentRef & { seq: number })[];
  /** The tools of a client, which the message that started it declared. */
  clientTools: readonly ClientToolDeclaration[];
  /** The requested model, or else that of the first step; null before either is known. */
  model: string | null;
  /** Position among the started runs of the session; null before the start. */
  turn: number | null;
  /** The agent version that every step runs with; null before the first step, or if there is no agent. */
  agent: AgentRef | null;
  step: StepPhase;
  /** Number of model calls that have answered. */
  steps: number;
  /** Number of model calls that have begun. */
  modelCalls: number;
  toolCalls: number;
  /** Of the last model call that has answered; null before it. */
  finishReason: string | null;
  /** Why the last final answer does not fit the output schema: the next model call is told. Null if it fits, or there is none. */
  resultProblem: string | null;
  /** How many answers to the newest message were asked to fit the output schema and did not. */
  invalidResults: number;
  /** Seqs of steered messages that no model call has seen yet. */
  unseenInputs: readonly number[];
  resumptions: number;
  /** Resumptions after a loss of the executor, since the last progress. */
  resumptionsWithoutProgress: number;
  /** Those of them before which the lost executor executed no other run. */
  lossesAlone: number;
  /** How often the model's answer was interrupted in the current step. */
  brokenAnswers: number;
  /** Number of compactions that failed. */
  failedCompactions: number;
  /** The budget that a person is asked to raise before the next model call; null if there is none. */
  budgetWait: BudgetWait | null;
  budgetIncreases: BudgetIncreases;
  usage: RunUsage;
  createdAt: number;
  startedAt: number | null;
  lastEventAt: number;
  /** When an executor last recorded an event; events of clients do not count. */
  lastWorkAt: number;
  /** Time at work before `activeSince`; waiting for approvals and downtime do not count. */
  activeMilliseconds: number;
  /** Seq of the newest event. */
  head: number;
}

/** Folds a tape. Returns null if no event of it begins a run. */
export function foldRun(events: Iterable<SequencedEvent>): Run | null {
  let run: Run | null = null;
  for (const event of events) run = evolve(run, event);
  return run;
}

/** Where, when and under which lease events are recorded. */
export interface SequencePosition {
  runId: string;
  /** Epoch milliseconds. */
  now: number;
  /** Null if no executor records them. */
  epoch: number | null;
}

/** Assigns seqs and a time to events that follow a fold. Time never goes back on a tape. */
export function sequenceEvents(
  run: Run | null,
  { runId, now, epoch }: SequencePosition,
  events: readonly NewEvent[],
): SequencedEvent[] {
  const recordedAt = Math.max(now, run?.lastEventAt ?? 0);
  const head = run?.head ?? 0;
  return events.map((event, index) => ({ ...event, recordedAt, runId, epoch, seq: head + index + 1 }));
}

/** Returns the fold as it will be when these events are recorded at this position. */
export function foldOn(run: Run | null, position: SequencePosition, events: readonly NewEvent[]): Run | null {
  return sequenceEvents(run, position, events).reduce<Run | null>(evolve, run);
}

/** Whether a model call without an answer or a started tool without a result is on the tape. */
export function hasOpenWork({ step }: Run): boolean {
  return step.at === 'calling' || callsOf(step).some(({ phase }) => phase.at === 'started' || phase.at === 'asking');
}

/** Whether somebody executes the run: also while it waits for an answer that one of its running tools needs. */
export function needsExecutor({ state, step }: Run): boolean {
  return state.status === 'IN_PROGRESS' || (state.status === 'AWAITING_APPROVAL' && callsOf(step).some(isAsking));
}

/** How long the run has been at work; waiting for approvals and downtime do not count. */
export function activeMilliseconds(run: Run, now: number): number {
  return run.activeMilliseconds + (run.state.status === 'IN_PROGRESS' ? Math.max(0, now - run.state.activeSince) : 0);
}

/** Applies one event. Never throws: an event that means nothing in this state only moves the head. */
export function evolve(run: Run | null, event: SequencedEvent): Run | null {
  if (run === null) return event.type === 'input' ? begin(event) : null;
  const lastWorkAt = event.epoch === null ? run.lastWorkAt : event.recordedAt;
  const advanced: Run = { ...run, head: event.seq, lastEventAt: event.recordedAt, lastWorkAt };
  if (isProgress(event)) {
    advanced.resumptionsWithoutProgress = 0;
    advanced.lossesAlone = 0;
  }
  // Measured by the executor: more exact than the times of the events, which come from the clocks of several servers.
  if ('workMilliseconds' in event.payload && run.state.status === 'IN_PROGRESS') {
    advanced.activeMilliseconds = event.payload.workMilliseconds ?? run.activeMilliseconds;
    advanced.state = { status: 'IN_PROGRESS', activeSince: event.recordedAt };
  }
  switch (event.type) {
    case 'input':
      return addMessage(advanced, event);
    case 'status':
      return enter(advanced, event);
    case 'context':
      return {
        ...advanced,
        model: run.model ?? event.payload.model,
        agent: run.agent ?? event.payload.agent ?? null,
        step: { at: 'calling', step: event.payload.step },
        modelCalls: run.modelCalls + 1,
        unseenInputs: run.unseenInputs.filter((seq) => seq > lastShown(event)),
        failedCompactions: run.failedCompactions + (event.payload.failedCompaction ? 1 : 0),
      };
    case 'thought':
    case 'output_delta':
    case 'compaction':
    case 'tool_progress':
      return advanced;
    case 'output':
      return closeStep(advanced, event);
    case 'tool_call':
      return addCall(advanced, event);
    case 'tool_decision':
      return event.payload.effect === 'ALLOW'
        ? changeCall(advanced, event.payload.callId, {
            phase: { at: 'allowed' },
            definitionHash: event.payload.definitionHash,
          })
        : advanced;
    case 'approval_request':
      return requestApproval(advanced, event);
    case 'approval_decision':
      return settleApproval(advanced, event);
    case 'wait_request':
      return requestWait(advanced, event);
    case 'wait_settled':
      return settleBudget(advanced, event);
    case 'tool_start': {
      const { attempt, idempotencyKey, callId, definitionHash } = event.payload;
      const phase: CallPhase = { at: 'started', attempt, idempotencyKey };
      return changeCall(advanced, callId, { phase, attempts: attempt, idempotencyKey, definitionHash });
    }
    case 'tool_result':
      return changeCall(advanced, event.payload.callId, {
        phase: { at: 'settled', ok: event.payload.ok },
      });
    case 'resumption':
      return resume(advanced, event, run.lastWorkAt);
    default:
      return event satisfies never;
  }
}

const noClientTools: readonly ClientToolDeclaration[] = [];

function begin(event: SequencedEventOf<'input'>): Run | null {
  const { origin, text, metadata = noMetadata, clientTools = noClientTools } = event.payload;
  if (origin === null) return null;
  return {
    runId: event.runId,
    state: { status: 'PENDING' },
    origin,
    input: text,
    metadata,
    attachments: attachmentsOf(event),
    clientTools,
    model: origin.model,
    turn: null,
    agent: null,
    step: { at: 'idle' },
    steps: 0,
    modelCalls: 0,
    toolCalls: 0,
    finishReason: null,
    resultProblem: null,
    invalidResults: 0,
    unseenInputs: [],
    resumptions: 0,
    resumptionsWithoutProgress: 0,
    lossesAlone: 0,
    brokenAnswers: 0,
    failedCompactions: 0,
    budgetWait: null,
    budgetIncreases: {},
    usage: { inputTokens: 0, outputTokens: 0, estimated: false, cost: null },
    createdAt: event.recordedAt,
    startedAt: null,
    lastEventAt: event.recordedAt,
    lastWorkAt: event.recordedAt,
    activeMilliseconds: 0,
    head: event.seq,
  };
}

/** The model answers to the newest message, so what was wrong with its last answer does not matter any more. */
function addMessage(run: Run, event: SequencedEventOf<'input'>): Run {
  return {
    ...run,
    attachments: [...run.attachments, ...attachmentsOf(event)],
    unseenInputs: [...run.unseenInputs, event.seq],
    step: stepAfterInput(run.step),
    resultProblem: null,
    invalidResults: 0,
  };
}

function attachmentsOf({ payload, seq }: SequencedEventOf<'input'>): Run['attachments'] {
  return (payload.attachments ?? []).map((attachment) => ({ ...attachment, seq }));
}

function enter(run: Run, event: SequencedEventOf<'status'>): Run {
  const { to, turn } = event.payload;
  const { recordedAt } = event;
  const isAtWork = to === 'IN_PROGRESS';
  return {
    ...run,
    activeMilliseconds: activeMilliseconds(run, recordedAt),
    state: stateAfter(run, event),
    turn: isAtWork ? (turn ?? run.turn) : run.turn,
    startedAt: isAtWork ? (run.startedAt ?? recordedAt) : run.startedAt,
    lastWorkAt: isAtWork ? recordedAt : run.lastWorkAt,
  };
}

function stateAfter(run: Run, { payload, recordedAt }: SequencedEventOf<'status'>): RunState {
  const { to, reason, error } = payload;
  switch (to) {
    case 'PENDING':
    case 'AWAITING_APPROVAL':
      return { status: to };
    case 'IN_PROGRESS':
      return { status: to, activeSince: recordedAt };
    case 'DONE': {
      const answer = run.step.at === 'answered' ? run.step : { text: '', storedText: null, result: null };
      const hasResult = answer.result !== null && answer.result.problem === null;
      return { status: to, output: answer.text, storedOutput: answer.storedText, hasResult, endedAt: recordedAt };
    }
    case 'CANCELLED':
      return { status: to, reason, endedAt: recordedAt };
    case 'FAILED': {
      const unknown: RunError = { code: 'INTERNAL', message: reason ?? 'The run failed.', retryable: false };
      return { status: to, error: error ?? unknown, endedAt: recordedAt };
    }
    default:
      return to satisfies never;
  }
}

function closeStep(run: Run, event: SequencedEventOf<'output'>): Run {
  const { text, storedText, finishReason, refusal, usage, result = null } = event.payload;
  const answered = { at: 'answered' as const, text, storedText, finishReason, refusal, result, calls: [] };
  const isFinal = event.payload.toolCalls.length === 0;
  const needsModelCall = run.unseenInputs.length > 0 && isFinal;
  return {
    ...run,
    steps: run.steps + 1,
    brokenAnswers: 0,
    usage: {
      inputTokens: run.usage.inputTokens + usage.input,
      outputTokens: run.usage.outputTokens + usage.output,
      estimated: run.usage.estimated || usage.estimated,
      cost: usage.cost === null ? run.usage.cost : (run.usage.cost ?? 0) + usage.cost,
    },
    finishReason,
    ...(isFinal && !needsModelCall && resultAfter(run, result)),
    step: needsModelCall ? { at: 'idle' } : answered,
  };
}

/** An answer with tool calls is not final, so it leaves this unchanged. */
function resultAfter(run: Run, result: ResultCheck | null): Pick<Run, 'resultProblem' | 'invalidResults'> {
  const resultProblem = result?.problem ?? null;
  const isCounted = result?.asked === true && resultProblem !== null;
  return { resultProblem, invalidResults: run.invalidResults + (isCounted ? 1 : 0) };
}

function addCall(run: Run, { payload, seq }: SequencedEventOf<'tool_call'>): Run {
  const { callId, tool, input, inputError } = payload;
  const call: ToolCall = {
    callId,
    seq,
    tool,
    input,
    inputError,
    attempts: 0,
    idempotencyKey: null,
    definitionHash: null,
    isApproved: false,
    approvalRequests: 0,
    phase: { at: 'requested' },
  };
  return { ...run, toolCalls: run.toolCalls + 1, step: withCall(run.step, call) };
}

/** A call waits, or the run for more of a budget. */
function requestWait(run: Run, event: SequencedEventOf<'wait_request'>): Run {
  const { kind, waitId, expiresAt, budget } = event.payload;
  if (kind !== 'BUDGET') return { ...run, step: openWait(run.step, kind, event) };
  if (budget === null) return run;
  // The model call before it is over: another model failed without an answer, or the answer broke off.
  const step: StepPhase = run.step.at === 'calling' ? { at: 'idle' } : run.step;
  return { ...run, step, budgetWait: { waitId, expiresAt, request: budget } };
}

function settleBudget(run: Run, event: SequencedEventOf<'wait_settled'>): Run {
  const { kind, granted } = event.payload;
  if (kind !== 'BUDGET') return { ...run, step: settleWait(run.step, event) };
  const settled = { ...run, budgetWait: null };
  if (run.budgetWait === null || granted === null) return settled;
  const { increases } = run.budgetWait.request;
  const increased = (run.budgetIncreases[increases] ?? 0) + granted;
  return { ...settled, budgetIncreases: { ...run.budgetIncreases, [increases]: increased } };
}

function requestApproval(run: Run, event: SequencedEventOf<'approval_request'>): Run {
  const { callId, approvalId, expiresAt, why, definitionHash } = event.payload;
  const call = callsOf(run.step).find((each) => each.callId === callId);
  return changeCall(run, callId, {
    phase: { at: 'waiting', approvalId, expiresAt, why },
    definitionHash,
    isApproved: false,
    approvalRequests: (call?.approvalRequests ?? 0) + 1,
  });
}

function settleApproval(run: Run, event: SequencedEventOf<'approval_decision'>): Run {
  const { callId, status, editedInput } = event.payload;
  if (status !== 'ALLOWED') return changeCall(run, callId, { phase: { at: 'settled', ok: false } });
  return changeCall(run, callId, {
    phase: { at: 'allowed' },
    isApproved: true,
    ...(editedInput === null ? {} : { input: editedInput, inputError: null }),
  });
}

/** The time between the last event of the lost executor and the resumption counts as downtime. */
function resume(run: Run, event: SequencedEventOf<'resumption'>, previousWorkAt: number): Run {
  const { brokeOff, lost, alone } = event.payload;
  // The executor continued, so there was no downtime.
  if (brokeOff) return { ...run, brokenAnswers: run.brokenAnswers + 1 };
  return {
    ...run,
    resumptions: run.resumptions + 1,
    resumptionsWithoutProgress: run.resumptionsWithoutProgress + (lost ? 1 : 0),
    lossesAlone: run.lossesAlone + (lost && alone ? 1 : 0),
    activeMilliseconds: activeMilliseconds(run, previousWorkAt),
    state: run.state.status === 'IN_PROGRESS' ? { status: 'IN_PROGRESS', activeSince: event.recordedAt } : run.state,
  };
}

function changeCall(run: Run, callId: string, change: Partial<ToolCall>): Run {
  return { ...run, step: updateCall(run.step, callId, change) };
}
