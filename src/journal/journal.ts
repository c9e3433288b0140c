import type { RowWrite } from '../database/batch-statement.ts';
import type { EventType, RecordedEvent, StampedEvent } from '../domain/events.ts';

/** Events and the rows that belong to them, stored together or not at all. */
export interface AppendContent {
  /** Not empty. */
  events: StampedEvent[];
  writes: RowWrite[];
}

export interface AppendRequest extends AppendContent {
  runId: string;
  sessionId: string;
  /** The seq of the newest event on which the caller based this append; 0 for a new tape. */
  expectedHead: number;
  /** The epoch of the executor's lease; null for a writer without a lease. */
  epoch: number | null;
  /**
   * Called if other appends came first. Gets the events after `expectedHead`, in order, and returns what to append after them,
   * or null for a conflict. All other appends wait for it, so it must be quick. It may be called more than once.
   */
  rebase?(missed: RecordedEvent[]): AppendContent | null;
}

/** Only `appended` has written anything. */
export type AppendOutcome =
  | { kind: 'appended'; events: RecordedEvent[] }
  /** Other events came first. `head` is the seq of the newest event. */
  | { kind: 'conflict'; head: number }
  /** The run has ended. */
  | { kind: 'closed' }
  /** Another executor holds the lease. */
  | { kind: 'stale-epoch' }
  /** The database refused a row; `rule` names the violated rule. */
  | { kind: 'constraint'; rule: string };

export interface ReadOptions {
  /** Exclusive; 0 for the beginning. */
  after: number;
  /** Inclusive. */
  upTo?: number;
  limit: number;
  types?: readonly EventType[];
}

export interface TapePart {
  runId: string;
  /** Exclusive; by default 0, for the beginning. */
  after?: number;
  /** Inclusive. */
  upTo: number;
}

export interface TapeHead {
  sessionId: string;
  /** The seq of the newest event. */
  head: number;
  /** Whether the run has ended. */
  closed: boolean;
  /** Of the newest event. */
  hash: string;
}

/** The result of checking one tape. `hash` is that of the last event, `seq` the position of the first fault. */
export type Verification =
  | { kind: 'intact'; runId: string; events: number; hash: string }
  | { kind: 'broken'; runId: string; seq: number; fault: string };

/**
 * The store of all tapes.
 *
 * Order: the events of a run have the seqs 1, 2, 3, … without gaps, and readers get them in that order. A read that starts after
 * an append has resolved sees its events. The appends of one server to one
 * run take effect in the order of the calls.
 * Durability: an append that has resolved with `appended` survives the loss of the process.
 * Atomicity: the events and rows of an append are stored together or not at all, whatever happens to the appends that share its
 * commit.
 * Errors: every method rejects with a StoreError if the database fails. Reads reject with a CodecError for stored data that this
 * release cannot read.
 */
export interface Journal {
  /**
   * Resolves when the outcome is durable. Rejects with a StoreError if the database fails: nothing was stored, unless its failure
   * is `unknown`. Rejects with a `busy` StoreError while too many appends are queued, with an EventTooLargeError, and with what
   * `rebase` throws.
   */
  append(request: AppendRequest): Promise<AppendOutcome>;
  /** Events after `after`, oldest first. */
  read(runId: string, options: ReadOptions): Promise<RecordedEvent[]>;
  /** The last `limit` events before `before` (exclusive), oldest first. */
  readBack(
    runId: string,
    options: { before: number; limit: number; types?: readonly EventType[] },
  ): Promise<RecordedEvent[]>;
  /**
   * The events of these types in a part of each tape, oldest first, in one query. For types that are rare on a tape: there is no
   * limit. A tape may be named once.
   */
  readMany(tapes: readonly TapePart[], types: readonly EventType[]): Promise<Map<string, RecordedEvent[]>>;
  /** The last `count` events of each tape, oldest first, in one query. */
  readEnds(runIds: readonly string[], count: number): Promise<Map<string, RecordedEvent[]>>;
  /** Null if the run has no tape. */
  head(runId: string): Promise<TapeHead | null>;
  /** Recomputes the hash chain from the stored events. */
  verify(runId: string): Promise<Verification>;
  /** Drops a tape that was deleted from the store from the memory of this process. */
  forget(runId: string): void;
  /** Resolves when every append has its outcome. */
  idle(): Promise<void>;
}

/** Reports the events of one append after its commit. Called once for each append, in the order of the tape. */
export type OnCommitted = (committed: { runId: string; sessionId: string; events: RecordedEvent[] }) => void;
