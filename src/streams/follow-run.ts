import type { Clock } from '../clock.ts';
import type { EventType, RecordedEvent } from '../domain/events.ts';
import { isTerminal } from '../domain/transitions.ts';
import type { Journal } from '../journal/journal.ts';
import type { Observer } from '../observer.ts';
import { createLiveStream, type LiveStream, type Source } from './live-stream.ts';
import type { NotificationHub, RunNotification } from './notifications/hub.ts';

export interface FollowBatch {
  runId: string;
  /** In order. Empty only in a batch that sets `caughtUp` or `closed`. */
  events: readonly RecordedEvent[];
  /** Seq of the newest event read so far, including events that `types` leaves out. */
  seq: number;
  /** True once: in the batch that reaches the head that the tape had when the follower started. */
  caughtUp: boolean;
  /** True in the last batch: the run has ended. */
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
  clock: Clock;
  /** Events read from the journal at a time. */
  pageEvents: number;
  /** Events kept for a reader that is slower than the run. */
  bufferEvents: number;
  /** A lost notification is detected within two of these. */
  pollMilliseconds: number;
  observer?: Pick<Observer, 'following'>;
}

/** The events of one tape after a position, then live events until the run ends: no gap, no duplicate, only durable events. */
export function followRun(dependencies: FollowDependencies, request: FollowRequest): LiveStream<FollowBatch> {
  const { clock, pollMilliseconds } = dependencies;
  return createLiveStream(createRunSource(dependencies, request), { clock, pollMilliseconds, signal: request.signal });
}

/** Batches of the events of one tape, as `followRun` returns them. */
export function createRunSource(
  dependencies: FollowDependencies,
  request: Omit<FollowRequest, 'signal'>,
): Source<FollowBatch> {
  const { journal, notifications, observer } = dependencies;
  const { runId, after, types } = request;
  const wantedTypes = types && new Set(types);
  const events = createEventReader(dependencies, request);
  let seq = after;
  /** The head when the follower started; null before the first fetch. */
  let startHead: number | null = null;
  /** Whether no event follows `after`, because the run had ended when the follower started. */
  let startedAtEnd = false;
  let isCaughtUp = false;
  let hasEnded = false;

  /** Null if there is nothing to tell the reader. */
  function batchOf(taken: readonly RecordedEvent[]): FollowBatch | null {
    const last = taken.at(-1);
    seq = last?.seq ?? seq;
    const closed = startedAtEnd || (last?.type === 'status' && isTerminal(last.payload.to));
    const caughtUp = !isCaughtUp && startHead !== null && seq >= startHead;
    const wanted = wantedTypes && last ? taken.filter(({ type }) => wantedTypes.has(type)) : taken;
    if (wanted.length === 0 && !caughtUp && !closed) return null;
    isCaughtUp ||= caughtUp;
    hasEnded = closed;
    return { runId, events: wanted, seq, caughtUp, closed };
  }

  return {
    open(notify) {
      const unsubscribe = notifications.onRun(runId, (notification) => {
        events.receive(notification);
        notify();
      });
      if (!observer) return unsubscribe;
      const lag = () => Math.max(0, Math.max(startHead ?? 0, events.notifiedHead()) - seq);
      const endObservation = observer.following({ lag });
      return () => {
        endObservation();
        unsubscribe();
      };
    },
    take() {
      if (hasEnded) return 'end';
      for (;;) {
        const taken = events.take();
        const batch = batchOf(taken);
        if (batch) return batch;
        if (taken.length === 0) return events.isLive() ? 'pending' : 'fetch';
      }
    },
    async fetch() {
      if (startHead === null) {
        const tape = await journal.head(runId);
        startHead = tape?.head ?? 0;
        startedAtEnd = !tape || (tape.closed && after >= tape.head);
      }
      if (!startedAtEnd) await events.fetchPage();
    },
    recheck: events.fallBack,
  };
}

const noEvents: readonly RecordedEvent[] = [];

/**
 * Takes each event of a tape once, from one of two places:
 *
 *   backfill: pages from the journal ──a page that reaches the head──▶ live: events of notifications, from a bounded buffer
 *   live ──buffer full, missing events, a notification without events, or a recheck──▶ backfill
 *
 * A reader that is too slow loses its buffer and reads pages again, but never loses an event.
 */
function createEventReader(
  { journal, pageEvents, bufferEvents }: FollowDependencies,
  { runId, after, maxBatch }: Omit<FollowRequest, 'signal'>,
) {
  let mode: 'backfill' | 'live' = 'backfill';
  /** Read from the journal and not yet taken. */
  let page = noEvents;
  /** Received since `page` was read, and not yet taken. */
  let buffer = noEvents;
  /** Newest event that was read from the journal or taken from the buffer. */
  let lastSeq = after;
  /** Newest event that a notification named. */
  let notifiedHead = 0;

  function fallBack(): void {
    buffer = noEvents;
    mode = 'backfill';
  }

  return {
    fallBack,
    isLive: () => mode === 'live',
    notifiedHead: () => notifiedHead,
    receive(notification: RunNotification | null): void {
      if (notification === null) {
        fallBack();
        return;
      }
      const { head, events } = notification;
      notifiedHead = Math.max(notifiedHead, head);
      const nextSeq = (buffer.at(-1)?.seq ?? lastSeq) + 1;
      if (mode === 'backfill' || head < nextSeq) return;
      const newEvents = events?.[0]?.seq === nextSeq ? events : (events?.filter(({ seq }) => seq >= nextSeq) ?? []);
      const isComplete = newEvents.length === head - nextSeq + 1;
      if (!isComplete || buffer.length + newEvents.length > bufferEvents) fallBack();
      // Usually the array of the notification, which all followers share.
      else buffer = buffer.length === 0 ? newEvents : [...buffer, ...newEvents];
    },
    /** At most `maxBatch` events; none if there are none in memory. */
    take(): readonly RecordedEvent[] {
      if (page.length > 0) {
        const taken = page;
        page = noEvents;
        return taken;
      }
      const isOneBatch = buffer.length <= maxBatch;
      const taken = isOneBatch ? buffer : buffer.slice(0, maxBatch);
      buffer = isOneBatch ? noEvents : buffer.slice(maxBatch);
      lastSeq = taken.at(-1)?.seq ?? lastSeq;
      return taken;
    },
    async fetchPage(): Promise<void> {
      const limit = Math.min(pageEvents, maxBatch);
      page = await journal.read(runId, { after: lastSeq, limit });
      lastSeq = page.at(-1)?.seq ?? lastSeq;
      // An event that was recorded during the read is known from its notification, and is read with the next page.
      if (page.length < limit && lastSeq >= notifiedHead) mode = 'live';
    },
  };
}
