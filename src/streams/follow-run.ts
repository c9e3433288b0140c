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
  /** The principal that follows. */
  reader: string;
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
  /** See `AdmitRead`. Without it, nothing is charged. */
  admitRead?: AdmitRead;
}

/**
 * Charges a reader for a part of the history that it has read. Null if it may read on; otherwise resolves when it may, or when it is
 * closed. Live events cost nothing.
 * @param events of a full page; 0 for a run of a session
 * @param isOpen whether the reader is still there
 */
export type AdmitRead = (reader: string, events: number, isOpen: () => boolean) => Promise<void> | null;

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
  return new RunSource(dependencies, request);
}

class RunSource implements Source<FollowBatch> {
  readonly #dependencies: FollowDependencies;
  readonly #request: Omit<FollowRequest, 'signal'>;
  readonly #wantedTypes: ReadonlySet<EventType> | undefined;
  readonly #events: EventReader;
  #seq: number;
  /** The head when the follower started; null before the first fetch. */
  #startHead: number | null = null;
  /** Whether the next fetch looks the tape up: it may have grown without a notification, or may have been purged. */
  #mustLookUp = true;
  /** Whether no event follows `after`, because the run had ended when the follower started. */
  #startedAtEnd = false;
  #isCaughtUp = false;
  #hasEnded = false;

  constructor(dependencies: FollowDependencies, request: Omit<FollowRequest, 'signal'>) {
    this.#dependencies = dependencies;
    this.#request = request;
    this.#wantedTypes = request.types && new Set(request.types);
    this.#events = new EventReader(dependencies, request);
    this.#seq = request.after;
  }

  open(notify: () => void): () => void {
    const { notifications, observer } = this.#dependencies;
    const unsubscribe = notifications.onRun(this.#request.runId, (notification) => {
      this.#events.receive(notification);
      notify();
    });
    const endObservation = observer?.following({ lag: () => this.#lag() });
    return () => {
      endObservation?.();
      unsubscribe();
      this.#events.close();
    };
  }

  take(): FollowBatch | 'fetch' | 'pending' | 'end' {
    if (this.#hasEnded) return 'end';
    for (;;) {
      const taken = this.#events.take();
      const batch = this.#batchOf(taken);
      if (batch) return batch;
      if (taken.length === 0) return this.#events.isLive() ? 'pending' : 'fetch';
    }
  }

  async fetch(): Promise<void> {
    if (this.#mustLookUp) await this.#lookUp();
    if (this.#startedAtEnd || this.#hasEnded || this.#events.isLive()) return;
    // Without a `closed` batch: events are missing that nobody can read any more.
    if ((await this.#events.fetchPage()) === 'purged') this.#hasEnded = true;
  }

  recheck(): void {
    this.#mustLookUp = true;
    this.#events.fallBack();
  }

  async #lookUp(): Promise<void> {
    const { runId, after } = this.#request;
    const tape = await this.#dependencies.journal.head(runId);
    this.#mustLookUp = false;
    if (this.#startHead === null) {
      this.#startHead = tape?.head ?? 0;
      this.#startedAtEnd = !tape || (tape.closed && after >= tape.head);
    } else if (!tape) this.#hasEnded = true;
    if (tape) this.#events.continueAt(tape.head);
  }

  #lag(): number {
    return Math.max(0, this.#events.knownHead() - this.#seq);
  }

  /** Null if there is nothing to tell the reader. */
  #batchOf(taken: readonly RecordedEvent[]): FollowBatch | null {
    const last = taken.at(-1);
    this.#seq = last?.seq ?? this.#seq;
    const closed = this.#startedAtEnd || (last?.type === 'status' && isTerminal(last.payload.to));
    const caughtUp = !this.#isCaughtUp && this.#startHead !== null && this.#seq >= this.#startHead;
    const wantedTypes = this.#wantedTypes;
    const wanted = wantedTypes && last ? taken.filter(({ type }) => wantedTypes.has(type)) : taken;
    if (wanted.length === 0 && !caughtUp && !closed) return null;
    this.#isCaughtUp ||= caughtUp;
    this.#hasEnded = closed;
    return { runId: this.#request.runId, events: wanted, seq: this.#seq, caughtUp, closed };
  }
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
class EventReader {
  readonly #dependencies: FollowDependencies;
  readonly #request: Omit<FollowRequest, 'signal'>;
  #mode: 'backfill' | 'live' = 'backfill';
  /** Read from the journal and not yet taken. */
  #page = noEvents;
  /** Received since `page` was read, and not yet taken. */
  #buffer = noEvents;
  /** Newest event that was read from the journal or taken from the buffer. */
  #lastSeq: number;
  /** Newest event that is known to exist. */
  #knownHead = 0;
  /** Events of the last page, if more were to follow. They are not charged yet. */
  #uncharged = 0;
  #isClosed = false;

  constructor(dependencies: FollowDependencies, request: Omit<FollowRequest, 'signal'>) {
    this.#dependencies = dependencies;
    this.#request = request;
    this.#lastSeq = request.after;
  }

  isLive(): boolean {
    return this.#mode === 'live';
  }

  knownHead(): number {
    return this.#knownHead;
  }

  close(): void {
    this.#isClosed = true;
  }

  /** @param head the newest event of the tape. If it and all notified ones were read, no page has to be read. */
  continueAt(head: number): void {
    this.#knownHead = Math.max(this.#knownHead, head);
    if (this.#lastSeq >= this.#knownHead) this.#mode = 'live';
  }

  fallBack(): void {
    this.#buffer = noEvents;
    this.#mode = 'backfill';
  }

  receive(notification: RunNotification | null): void {
    if (notification === null) {
      this.fallBack();
      return;
    }
    const { head, events } = notification;
    const buffer = this.#buffer;
    this.#knownHead = Math.max(this.#knownHead, head);
    const nextSeq = (buffer.at(-1)?.seq ?? this.#lastSeq) + 1;
    if (this.#mode === 'backfill' || head < nextSeq) return;
    const newEvents = events?.[0]?.seq === nextSeq ? events : (events?.filter(({ seq }) => seq >= nextSeq) ?? []);
    const isComplete = newEvents.length === head - nextSeq + 1;
    if (!isComplete || buffer.length + newEvents.length > this.#dependencies.bufferEvents) this.fallBack();
    // Usually the array of the notification, which all followers share.
    else this.#buffer = buffer.length === 0 ? newEvents : [...buffer, ...newEvents];
  }

  /** At most `maxBatch` events; none if there are none in memory. */
  take(): readonly RecordedEvent[] {
    if (this.#page.length > 0) {
      const taken = this.#page;
      this.#page = noEvents;
      return taken;
    }
    const buffer = this.#buffer;
    const { maxBatch } = this.#request;
    const isOneBatch = buffer.length <= maxBatch;
    const taken = isOneBatch ? buffer : buffer.slice(0, maxBatch);
    this.#buffer = isOneBatch ? noEvents : buffer.slice(maxBatch);
    this.#lastSeq = taken.at(-1)?.seq ?? this.#lastSeq;
    return taken;
  }

  /** 'purged' if the tape lacks events that it had. */
  async fetchPage(): Promise<'read' | 'purged'> {
    const { reader, runId, maxBatch } = this.#request;
    const { admitRead, pageEvents } = this.#dependencies;
    const limit = Math.min(pageEvents, maxBatch);
    const admission = this.#uncharged > 0 ? admitRead?.(reader, this.#uncharged, () => !this.#isClosed) : null;
    if (admission) await admission;
    if (this.#isClosed) return 'read';
    const headBefore = this.#knownHead;
    const page = await this.#dependencies.journal.read(runId, { after: this.#lastSeq, limit });
    this.#page = page;
    this.#lastSeq = page.at(-1)?.seq ?? this.#lastSeq;
    this.#uncharged = page.length === limit ? limit : 0;
    if (page.length === limit) return 'read';
    if (this.#lastSeq < headBefore) return 'purged';
    // An event that was recorded during the read is known from its notification, and is read with the next page.
    if (this.#lastSeq >= this.#knownHead) this.#mode = 'live';
    return 'read';
  }
}
