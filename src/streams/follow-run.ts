import type { EventType, RecordedEvent } from '../domain/events.ts';
import { isTerminal } from '../domain/transitions.ts';
import type { Journal } from '../journal/journal.ts';
import type { Following } from './following.ts';
import { createLiveStream, type Found } from './live-stream.ts';
import type { NotificationHub, RunNotification } from './notifications/hub.ts';

export interface FollowBatch {
  /** In order. Empty only where `caughtUp` or `closed` is all there is to say. */
  events: RecordedEvent[];
  /** Seq of the newest event that is behind the reader now, filtered ones included. */
  seq: number;
  /** True once: in the batch that reaches what was the head when following began. */
  caughtUp: boolean;
  /** True in the last batch: the run has ended and no event will follow. */
  closed: boolean;
}

export interface FollowRequest {
  runId: string;
  /** Exclusive. */
  after: number;
  types?: readonly EventType[];
  maxBatch: number;
  signal: AbortSignal;
}

export interface FollowDependencies {
  journal: Journal;
  notifications: NotificationHub;
  /** Calls back once, later; returns what calls it off. */
  timer(milliseconds: number, callback: () => void): () => void;
  /** Events read from the journal at a time. */
  pageEvents: number;
  /** Events held for a reader who is slower than the run. */
  bufferEvents: number;
  /** Heals a wake-up that was lost. */
  pollMilliseconds: number;
}

/**
 * The events of one tape after a position, then live, then its end. No gap, no duplicate, nothing that is not durable.
 *
 *   backfill: pages from the journal ──▶ head reached? ──▶ live: what the bus brings, from a bounded buffer
 *        ▲                                                        │
 *        └────────── buffer full, hole, or a wake-up without events
 *
 * A reader that is too slow loses its buffer, never an event: it reads pages again, at its own pace.
 */
export function followRun(dependencies: FollowDependencies, request: FollowRequest): Following<FollowBatch> {
  const { journal, notifications: bus, timer, pollMilliseconds } = dependencies;
  const { runId, after, signal } = request;
  const wanted = request.types ? new Set(request.types) : null;
  const source = createSource(dependencies, request);
  let seq = after;
  let startHead: number | null = null;
  let caughtUp = false;

  /** What is to be said of events that were taken; null where that is nothing. */
  function sumUp(taken: RecordedEvent[]): Found<FollowBatch> | null {
    const end = taken.at(-1);
    seq = end?.seq ?? seq;
    const closed = end?.type === 'status' && isTerminal(end.payload.to);
    const reached = !caughtUp && seq >= (startHead ?? 0);
    caughtUp ||= reached;
    const events = wanted ? taken.filter(({ type }) => wanted.has(type)) : taken;
    if (events.length === 0 && !reached && !closed) return null;
    return { value: { events, seq, caughtUp: reached, closed }, last: closed };
  }

  async function advance(): Promise<Found<FollowBatch> | 'again' | null> {
    if (startHead === null) {
      const tape = await journal.head(runId);
      startHead = tape?.head ?? 0;
      if (!tape || (tape.closed && after >= tape.head)) {
        return { value: { events: [], seq, caughtUp: true, closed: true }, last: true };
      }
    }
    const taken = await source.take();
    return sumUp(taken) ?? (taken.length > 0 ? 'again' : null);
  }

  function takeLive(): Found<FollowBatch> | 'behind' | null {
    for (;;) {
      const taken = source.takeLive();
      if (taken === null) return 'behind';
      if (taken.length === 0) return null;
      const found = sumUp(taken);
      if (found !== null) return found;
    }
  }

  return createLiveStream<FollowBatch>({
    signal,
    timer,
    pollMilliseconds,
    advance,
    subscribe: (poke) =>
      bus.onRun(runId, (wake) => {
        source.receive(wake);
        poke();
      }),
    onPoll: source.look,
    takeLive,
  });
}

/** Where a reader's events come from: pages while it is behind, then what the bus brings. Each event is taken once. */
function createSource({ journal, pageEvents, bufferEvents }: FollowDependencies, request: FollowRequest) {
  const { runId, maxBatch } = request;
  let last = request.after;
  let known = 0;
  let behind = true;
  let buffer: RecordedEvent[] = [];

  function fallBack(): void {
    buffer = [];
    behind = true;
  }

  function takeBuffered(): RecordedEvent[] {
    const taken = buffer.length > maxBatch ? buffer.splice(0, maxBatch) : buffer;
    if (taken === buffer) buffer = [];
    last = taken.at(-1)?.seq ?? last;
    return taken;
  }

  return {
    /** Null where a page has to be read. */
    takeLive: () => (behind ? null : takeBuffered()),
    /** For what may have been missed; what is there already shows it by itself. */
    look(): void {
      if (buffer.length === 0) fallBack();
    },
    receive(wake: RunNotification | null): void {
      if (wake === null) {
        fallBack();
        return;
      }
      const { head, events } = wake;
      known = Math.max(known, head);
      const next = (buffer.at(-1)?.seq ?? last) + 1;
      if (behind || head < next) return;
      const fresh = events?.[0]?.seq === next ? events : (events?.filter(({ seq }) => seq >= next) ?? []);
      const isWhole = fresh.length === head - next + 1;
      if (isWhole && buffer.length + fresh.length <= bufferEvents) buffer.push(...fresh);
      else fallBack();
    },
    async take(): Promise<RecordedEvent[]> {
      if (!behind) return takeBuffered();
      const limit = Math.min(pageEvents, maxBatch);
      const taken = await journal.read(runId, { after: last, limit });
      last = taken.at(-1)?.seq ?? last;
      // What was recorded while the page was read is known by its wake-up, and read next.
      if (taken.length < limit && last >= known) behind = false;
      return taken;
    },
  };
}
