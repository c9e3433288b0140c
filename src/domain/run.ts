import {
  type AgentRef,
  lastShown,
  type RunError,
  type RunOrigin,
  type SequencedEvent,
  type SequencedEventOf,
} from './events.ts';
import { type CallPhase, callsOf, reopenStep, type StepPhase, type ToolCall, updateCall, withCall } from './step.ts';

export interface RunUsage {
  inputTokens: number;
  outputTokens: number;
  estimated: boolean;
  /** Null where no output had a price. */
  cost: number | null;
}

/** A field exists only in the states in which it means something. */
export type RunState =
  | { status: 'PENDING' }
  | { status: 'IN_PROGRESS'; activeSince: number }
  | { status: 'AWAITING_APPROVAL' }
  | { status: 'DONE'; output: string; endedAt: number }
  | { status: 'CANCELLED'; reason: string | null; endedAt: number }
  | { status: 'FAILED'; error: RunError; endedAt: number };

/** The fold of one tape. Times are epoch milliseconds. */
export interface Run {
  runId: string;
  state: RunState;
  origin: RunOrigin;
  input: string;
  /** The one asked for, or else the one that the first step used. */
  model: string | null;
  turn: number | null;
  /** What its first step ran with, and all that follow; null before that, and where there was none. */
  agent: AgentRef | null;
  step: StepPhase;
  /** Model calls that have answered. */
  steps: number;
  toolCalls: number;
  /** Seqs of steered messages that no model call has been shown yet. */
  unseenInputs: readonly number[];
  resumptions: number;
  resumptionsWithoutProgress: number;
  /** How often the answer to the step under way broke off. */
  brokenAnswers: number;
  /** Attempts at a summary that gave none. */
  failedCompactions: number;
  usage: RunUsage;
  createdAt: number;
  startedAt: number | null;
  lastEventAt: number;
  /** Last sign of an executor; what clients do meanwhile is no work. */
  lastWorkAt: number;
  /** Time at work before `activeSince`; waiting for a person and being down do not count. */
  activeMilliseconds: number;
  head: number;
}

/** Null for a tape that holds nothing yet. */
export function foldRun(events: Iterable<SequencedEvent>): Run | null {
  let run: Run | null = null;
  for (const event of events) run = evolve(run, event);
  return run;
}

/** Whether an executor left something unfinished: a model call without an answer, or a tool without a result. */
export function hasOpenWork({ step }: Run): boolean {
  return step.at === 'calling' || callsOf(step).some(({ phase }) => phase.at === 'started');
}

/** Time the run has been at work; waiting for people and being down are left out. */
export function activeMilliseconds(run: Run, now: number): number {
  return run.activeMilliseconds + (run.state.status === 'IN_PROGRESS' ? Math.max(0, now - run.state.activeSince) : 0);
}

/** Total: an event that says nothing in this state changes nothing but the head. */
export function evolve(run: Run | null, event: SequencedEvent): Run | null {
  if (run === null) return event.type === 'input' ? begin(event) : null;
  const lastWorkAt = event.epoch === null ? run.lastWorkAt : event.recordedAt;
  const seen = { ...run, head: event.seq, lastEventAt: event.recordedAt, lastWorkAt };
  switch (event.type) {
    case 'input':
      return { ...seen, unseenInputs: [...run.unseenInputs, event.seq], step: reopenStep(run.step) };
    case 'status':
      return enter(seen, event);
    case 'context':
      return {
        ...seen,
        model: run.model ?? event.payload.model,
        agent: run.agent ?? event.payload.agent ?? null,
        step: { at: 'calling', step: event.payload.step },
        unseenInputs: run.unseenInputs.filter((seq) => seq > lastShown(event)),
        failedCompactions: run.failedCompactions + (event.payload.failedCompaction ? 1 : 0),
      };
    case 'thought':
    case 'output_delta':
    case 'compaction':
    // No sign of progress for resumptions: a call that kills its executor may report each time before.
    case 'tool_progress':
      return seen;
    case 'output':
      return closeStep(seen, event);
    case 'tool_call':
      return {
        ...seen,
        toolCalls: run.toolCalls + 1,
        step: withCall(run.step, {
          callId: event.payload.callId,
          tool: event.payload.tool,
          input: event.payload.input,
          inputError: event.payload.inputError,
          attempts: 0,
          idempotencyKey: null,
          phase: { at: 'requested' },
        }),
      };
    case 'tool_decision':
      return event.payload.effect === 'ALLOW'
        ? changeCall(seen, event.payload.callId, { phase: { at: 'allowed' } })
        : seen;
    case 'approval_request': {
      const { approvalId, expiresAt, why } = event.payload;
      return changeCall(seen, event.payload.callId, { phase: { at: 'asking', approvalId, expiresAt, why } });
    }
    case 'approval_decision':
      return decided(seen, event);
    case 'tool_start': {
      const { attempt, idempotencyKey, callId } = event.payload;
      const phase: CallPhase = { at: 'started', attempt, idempotencyKey };
      return changeCall(seen, callId, { phase, attempts: attempt, idempotencyKey });
    }
    case 'tool_result':
      return changeCall({ ...seen, resumptionsWithoutProgress: 0 }, event.payload.callId, {
        phase: { at: 'settled', ok: event.payload.ok },
      });
    case 'resumption':
      return resumed(seen, event, run.lastWorkAt);
    default:
      return event satisfies never;
  }
}

function begin(event: SequencedEventOf<'input'>): Run | null {
  const { origin, text } = event.payload;
  if (origin === null) return null;
  return {
    runId: event.runId,
    state: { status: 'PENDING' },
    origin,
    input: text,
    model: origin.model,
    turn: null,
    agent: null,
    step: { at: 'idle' },
    steps: 0,
    toolCalls: 0,
    unseenInputs: [],
    resumptions: 0,
    resumptionsWithoutProgress: 0,
    brokenAnswers: 0,
    failedCompactions: 0,
    usage: { inputTokens: 0, outputTokens: 0, estimated: false, cost: null },
    createdAt: event.recordedAt,
    startedAt: null,
    lastEventAt: event.recordedAt,
    lastWorkAt: event.recordedAt,
    activeMilliseconds: 0,
    head: event.seq,
  };
}

function enter(run: Run, event: SequencedEventOf<'status'>): Run {
  const { to, turn } = event.payload;
  const atWork = activeMilliseconds(run, event.recordedAt);
  const entered = { ...run, activeMilliseconds: atWork, state: stateAfter(run, event) };
  if (to !== 'IN_PROGRESS') return entered;
  const startedAt = run.startedAt ?? event.recordedAt;
  return { ...entered, turn: turn ?? run.turn, startedAt, lastWorkAt: event.recordedAt };
}

function stateAfter(run: Run, { payload, recordedAt }: SequencedEventOf<'status'>): RunState {
  const { to, reason, error } = payload;
  switch (to) {
    case 'PENDING':
    case 'AWAITING_APPROVAL':
      return { status: to };
    case 'IN_PROGRESS':
      return { status: to, activeSince: recordedAt };
    case 'DONE':
      return { status: to, output: run.step.at === 'answered' ? run.step.text : '', endedAt: recordedAt };
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
  const { text, finishReason, usage } = event.payload;
  const unanswered = run.unseenInputs.length > 0 && event.payload.toolCalls.length === 0;
  return {
    ...run,
    steps: run.steps + 1,
    resumptionsWithoutProgress: 0,
    brokenAnswers: 0,
    usage: {
      inputTokens: run.usage.inputTokens + usage.input,
      outputTokens: run.usage.outputTokens + usage.output,
      estimated: run.usage.estimated || usage.estimated,
      cost: usage.cost === null ? run.usage.cost : (run.usage.cost ?? 0) + usage.cost,
    },
    step: unanswered ? { at: 'idle' } : { at: 'answered', text, finishReason, calls: [] },
  };
}

function decided(run: Run, event: SequencedEventOf<'approval_decision'>): Run {
  const { callId, status, editedInput } = event.payload;
  const moved = { ...run, resumptionsWithoutProgress: 0 };
  if (status !== 'ALLOWED') return changeCall(moved, callId, { phase: { at: 'settled', ok: false } });
  return changeCall(moved, callId, {
    phase: { at: 'allowed' },
    ...(editedInput === null ? {} : { input: editedInput, inputError: null }),
  });
}

/** The time between the last sign of the lost executor and the new one was spent being down. */
function resumed(run: Run, event: SequencedEventOf<'resumption'>, previousWorkAt: number): Run {
  // Nobody was down, and nobody took over.
  if (event.payload.brokeOff) return { ...run, brokenAnswers: run.brokenAnswers + 1 };
  return {
    ...run,
    resumptions: run.resumptions + 1,
    resumptionsWithoutProgress: run.resumptionsWithoutProgress + (event.payload.lost ? 1 : 0),
    activeMilliseconds: activeMilliseconds(run, previousWorkAt),
    state: run.state.status === 'IN_PROGRESS' ? { status: 'IN_PROGRESS', activeSince: event.recordedAt } : run.state,
  };
}

function changeCall(run: Run, callId: string, change: Partial<ToolCall>): Run {
  return { ...run, step: updateCall(run.step, callId, change) };
}
