import type { TapeEvent } from '@runtape/client';
import { waitPayloadOf } from './wait-event.ts';

export interface FoldedCall {
  callId: string;
  step: number;
  tool: string;
  state: string;
}

export interface StepUsage {
  step: number;
  model: string;
  totalTokens: number;
  estimated: boolean;
  cost: number | null;
  milliseconds: number;
}

/** A run as it was after an event. */
export interface FoldedRun {
  state: string;
  /** The newest answer as far as it was written. */
  text: string;
  /** Whether a part of the text has not arrived yet. */
  isPartial: boolean;
  step: number;
  /** Seq of the event that began the step; 0 before the first. */
  contextSeq: number;
  calls: readonly FoldedCall[];
  openWaits: number;
  steps: readonly StepUsage[];
  totalTokens: number;
  cost: number | null;
}

/** Folds the events up to `seq`. Calls for later events of the same list go on where the one before stopped. */
export function createFold(): (events: readonly TapeEvent[], seq: number) => FoldedRun {
  let fold = beginFold();
  let count = 0;
  let last: TapeEvent | undefined;
  return (events, seq) => {
    if ((last && last.seq > seq) || events[count - 1] !== last) {
      fold = beginFold();
      count = 0;
      last = undefined;
    }
    for (let event = events[count]; event && event.seq <= seq; event = events[count]) {
      fold.add(event);
      last = event;
      count += 1;
    }
    return fold.value(seq);
  };
}

function beginFold() {
  const calls = new Map<string, FoldedCall>();
  const waits = new Set<string>();
  const steps: StepUsage[] = [];
  const run = { state: 'PENDING', step: 0, contextSeq: 0, totalTokens: 0, cost: null as number | null };
  let pieces: string[] = [];
  let startedAt = '';
  let last = 0;
  let isPartial = false;
  return {
    add(event: TapeEvent): void {
      if (event.seq > last + 1) isPartial = true;
      last = event.seq;
      switch (event.type) {
        case 'STATUS':
          run.state = event.to;
          if (/^(DONE|FAILED|CANCELLED)$/.test(event.to)) waits.clear();
          break;
        case 'CONTEXT':
          run.step = event.step;
          run.contextSeq = event.seq;
          startedAt = event.recordedAt;
          pieces = [];
          break;
        case 'RESUMPTION':
          if (event.step === run.step) pieces = [];
          break;
        case 'OUTPUT_DELTA':
          pieces.push(event.text);
          break;
        case 'OUTPUT': {
          const { totalTokens, estimated, cost } = event.usage;
          const milliseconds = Date.parse(event.recordedAt) - Date.parse(startedAt || event.recordedAt);
          pieces = [event.text];
          isPartial = false;
          run.totalTokens += totalTokens;
          if (cost !== null) run.cost = (run.cost ?? 0) + cost;
          steps.push({ step: event.step, model: event.model, totalTokens, estimated, cost, milliseconds });
          break;
        }
        default:
          foldCall(event, calls, waits);
      }
    },
    value: (seq: number): FoldedRun => ({
      ...run,
      text: pieces.join(''),
      isPartial: isPartial || last < seq,
      calls: [...calls.values()],
      openWaits: waits.size,
      steps,
    }),
  };
}

/** Calls and what they wait for. */
function foldCall(event: TapeEvent, calls: Map<string, FoldedCall>, waits: Set<string>): void {
  const change = (callId: string, state: string) => {
    const call = calls.get(callId);
    if (call) call.state = state;
  };
  switch (event.type) {
    case 'TOOL_CALL':
      calls.set(event.callId, { callId: event.callId, step: event.step, tool: event.tool, state: 'REQUESTED' });
      break;
    case 'APPROVAL_REQUEST':
      waits.add(event.callId);
      change(event.callId, 'WAITING');
      break;
    case 'APPROVAL_DECISION':
      waits.delete(event.callId);
      change(event.callId, event.status === 'ALLOWED' ? 'ALLOWED' : 'DENIED');
      break;
    case 'WAIT_REQUEST':
      waits.add(waitPayloadOf(event).callId);
      change(waitPayloadOf(event).callId, 'WAITING');
      break;
    case 'WAIT_SETTLED':
      waits.delete(waitPayloadOf(event).callId);
      change(waitPayloadOf(event).callId, 'REQUESTED');
      break;
    case 'TOOL_START':
      change(event.callId, 'RUNNING');
      break;
    case 'TOOL_RESULT':
      change(event.callId, event.ok ? 'SUCCEEDED' : calls.get(event.callId)?.state === 'DENIED' ? 'DENIED' : 'FAILED');
      break;
  }
}
