import type { TapeEvent } from '@runtape/client';
import { duration } from '../text/time.ts';
import type { Growing } from './growing.ts';
import { indexAt } from './sparse-tape.ts';
import { waitPayloadOf } from './wait-event.ts';

export interface Timeline {
  /** Position of each mark from 0 to 1. Deltas have none. */
  marks: readonly { seq: number; at: number; type: TapeEvent['type'] }[];
  /** Stretches in which nothing happened, drawn short. */
  idle: readonly { from: number; to: number; label: string }[];
  /** Position of an event. */
  positionOf(seq: number): number;
  /** The event at a position, or the last one before it. */
  seqAt(position: number): number;
}

/** A pause is idle time if it is longer than this, and longer than a tenth of the time in which something happened. */
const IDLE_MILLISECONDS = 2_000;
const IDLE_SHARE = 0.22;
const MOST_MARKS = 400;
const streamed = new Set<string>(['OUTPUT_DELTA', 'THOUGHT', 'TOOL_PROGRESS']);

/** Places events by time. Idle time is collapsed, so that work which took seconds is visible beside a wait of hours. */
export function createTimeline(): Growing<Timeline> {
  const events: TapeEvent[] = [];
  /** Time between each event and the one before it. */
  const gaps: number[] = [];
  /** Indexes of the events that have marks. */
  const marked: number[] = [];
  let last: number | undefined;
  return {
    add(event) {
      const time = Date.parse(event.recordedAt);
      gaps.push(Math.max(0, time - (last ?? time)));
      last = time;
      if (!streamed.has(event.type)) marked.push(events.length);
      events.push(event);
    },
    value: () => timelineOf([...events], gaps, marked),
  };
}

function timelineOf(events: readonly TapeEvent[], gaps: readonly number[], marked: readonly number[]): Timeline {
  const total = gaps.reduce((sum, gap) => sum + gap, 0);
  const busy = gaps.filter((gap) => gap < IDLE_MILLISECONDS).reduce((sum, gap) => sum + gap, 0);
  const isIdle = (gap: number) => gap >= IDLE_MILLISECONDS && gap > busy / 10 && total > 0;
  const idleCount = gaps.filter(isIdle).length;
  const idleShare = idleCount === 0 ? 0 : Math.min(0.5, IDLE_SHARE * idleCount) / idleCount;
  const active = gaps.filter((gap) => !isIdle(gap)).reduce((sum, gap) => sum + gap, 0);
  const activeShare = 1 - idleShare * idleCount;
  const positions: number[] = [];
  const idle: { from: number; to: number; label: string }[] = [];
  let position = 0;
  gaps.forEach((gap, index) => {
    const from = position;
    if (isIdle(gap)) {
      position += idleShare;
      idle.push({ from, to: position, label: idleLabel(events, index, gap) });
    } else if (index > 0) {
      // Events of the same instant are spread by their order.
      position += active === 0 ? activeShare / Math.max(1, events.length - 1) : (gap / active) * activeShare;
    }
    positions.push(Math.min(1, position));
  });
  const step = Math.ceil(marked.length / MOST_MARKS);
  const marks = marked.flatMap((index, order) => {
    const event = order % step === 0 ? events[index] : undefined;
    return event ? [{ seq: event.seq, at: positions[index] ?? 0, type: event.type }] : [];
  });
  return {
    marks,
    idle,
    positionOf(seq) {
      const index = indexAt(events, seq);
      return between(seq, events[index]?.seq, events[index + 1]?.seq, positions[index], positions[index + 1]);
    },
    seqAt(at) {
      const index = lastAtMost(positions, at);
      return Math.floor(
        between(at, positions[index], positions[index + 1], events[index]?.seq, events[index + 1]?.seq),
      );
    },
  };
}

/** Where events are missing, they are taken to be spread evenly. */
function between(value: number, from = 1, to = from, fromResult = 0, toResult = fromResult): number {
  return to <= from ? fromResult : fromResult + Math.min(1, (value - from) / (to - from)) * (toResult - fromResult);
}

function lastAtMost(positions: readonly number[], at: number): number {
  let low = 0;
  let high = positions.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((positions[middle] ?? 0) <= at + 1e-9) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** "2 h, waiting for ada". */
function idleLabel(events: readonly TapeEvent[], index: number, gap: number): string {
  const event = events[index];
  const before = events.slice(0, index).findLast(({ type }) => type === 'STATUS');
  const isWaiting = before?.type === 'STATUS' && before.to === 'AWAITING_APPROVAL';
  if (!isWaiting) return duration(gap);
  const who =
    event?.type === 'APPROVAL_DECISION'
      ? event.approval.decidedBy
      : event?.type === 'WAIT_SETTLED' && waitPayloadOf(event).decidedBy;
  return `${duration(gap)}, waiting${who ? ` for ${who}` : ''}`;
}
