import type { Bus, Wake } from '../bus/bus.ts';
import type { EventType, RecordedEvent } from '../domain/events.ts';
import { isTerminal } from '../domain/transitions.ts';
import type { Journal } from '../journal/journal.ts';
import { createMailbox, type Following } from './mailbox.ts';

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
  bus: Bus;
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
  const { journal, bus, pageEvents, bufferEvents } = dependencies;
  const wanted = request.types ? new Set(request.types) : null;
  let last = request.after;
  let known = 0;
  let behind = true;
  let buffer: RecordedEvent[] = [];
  let startHead: number | null = null;
  let caughtUp = false;

  const mailbox = createMailbox<FollowBatch>({
    signal: request.signal,
    timer: dependencies.timer,
    pollMilliseconds: dependencies.pollMilliseconds,
    subscribe: (poke) =>
      bus.onRun(request.runId, (wake) => {
        receive(wake);
        poke();
      }),
    onPoll() {
      behind = true;
    },
    advance,
  });

  function receive({ head, events }: Wake): void {
    known = Math.max(known, head);
    if (behind) return;
    const next = (buffer.at(-1)?.seq ?? last) + 1;
    const fresh = events?.filter(({ seq }) => seq >= next) ?? [];
    if (fresh[0]?.seq !== next || buffer.length + fresh.length > bufferEvents) {
      if (head < next) return;
      buffer = [];
      behind = true;
      return;
    }
    buffer.push(...fresh);
  }

  /** The next batch that says something, or null where nothing is there yet. */
  async function advance(): Promise<{ value: FollowBatch; last: boolean } | null> {
    if (startHead === null) {
      const head = await journal.head(request.runId);
      startHead = head?.head ?? 0;
      known = Math.max(known, startHead);
      if (!head || (head.closed && last >= head.head)) {
        return { value: { events: [], seq: last, caughtUp: true, closed: true }, last: true };
      }
    }
    for (;;) {
      const taken = await take();
      const end = taken.at(-1);
      last = end?.seq ?? last;
      const closed = end?.type === 'status' && isTerminal(end.payload.to);
      const reached = !caughtUp && last >= startHead;
      caughtUp ||= reached;
      const events = wanted ? taken.filter(({ type }) => wanted.has(type)) : taken;
      if (events.length > 0 || reached || closed) {
        return { value: { events, seq: last, caughtUp: reached, closed }, last: closed };
      }
      if (taken.length === 0) return null;
    }
  }

  async function take(): Promise<RecordedEvent[]> {
    if (!behind) return buffer.splice(0, request.maxBatch);
    const limit = Math.min(pageEvents, request.maxBatch);
    const page = await journal.read(request.runId, { after: last, limit });
    const end = page.at(-1)?.seq ?? last;
    // What was recorded while the page was read is known by its wake-up, and read next.
    if (page.length < limit && end >= known) behind = false;
    return page;
  }

  return mailbox;
}
