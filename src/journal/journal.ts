import type { RowWrite } from '../database/batch-statement.ts';
import type { EventType, RecordedEvent, StampedEvent } from '../domain/events.ts';

/** Events and the rows that go with them: one or the other alone is never stored. */
export interface AppendContent {
  /** Not empty. */
  events: StampedEvent[];
  writes: RowWrite[];
}

export interface AppendRequest extends AppendContent {
  runId: string;
  sessionId: string;
  /** Seq of the newest event that the decision behind this append knew; 0 for a new tape. */
  expectedHead: number;
  /** Lease of the executor; null where no executor writes. */
  epoch: number | null;
  /**
   * Decides again where others came first: gets the events that `expectedHead` lacks, in order, and returns what to append
   * behind them, or null for a conflict. Runs in the write lane: must be quick and do nothing else.
   */
  rebase?(missed: RecordedEvent[]): AppendContent | null;
}

export type AppendOutcome =
  | { kind: 'appended'; events: RecordedEvent[] }
  /** Others came first; nothing was written. */
  | { kind: 'conflict'; head: number }
  /** The tape has ended; nothing was written. */
  | { kind: 'closed' }
  /** Somebody else holds the lease; nothing was written. */
  | { kind: 'stale-epoch' }
  /** A rule of the database refused a row; nothing was written. `rule` names it. */
  | { kind: 'constraint'; rule: string };

export interface ReadOptions {
  /** Exclusive; 0 for the beginning. */
  after: number;
  /** Inclusive. */
  upTo?: number;
  limit: number;
  types?: readonly EventType[];
}

export interface TapeHead {
  sessionId: string;
  head: number;
  closed: boolean;
  /** Hash of the newest event. */
  hash: string;
}

/** What the check of one tape found; the first fault that it met. */
export type Verification =
  | { kind: 'intact'; runId: string; events: number }
  | { kind: 'broken'; runId: string; seq: number; fault: string };

/**
 * The store of all tapes.
 *
 * Order: the events of a run have seq 1, 2, 3, … without holes, and a reader sees them in that order.
 * Durability: an append that has resolved with `appended` survives the loss of the process.
 * Atomicity: its events and rows are stored together or not at all, whatever becomes of the appends it shares a commit with.
 */
export interface Journal {
  /** Resolves when the outcome is durable. Rejects with a StoreError where the store fails; nothing is stored then. */
  append(request: AppendRequest): Promise<AppendOutcome>;
  /** Events after `after`, oldest first. */
  read(runId: string, options: ReadOptions): Promise<RecordedEvent[]>;
  /** The last `limit` events before `before` (exclusive), oldest first. */
  readBack(
    runId: string,
    options: { before: number; limit: number; types?: readonly EventType[] },
  ): Promise<RecordedEvent[]>;
  /** Events of these types up to a seq (inclusive) of each tape, oldest first, in one look. For tapes that hold few of them. */
  readMany(
    tapes: readonly { runId: string; upTo: number }[],
    types: readonly EventType[],
  ): Promise<Map<string, RecordedEvent[]>>;
  /** The last `count` events of each tape, oldest first, in one look. */
  readEnds(runIds: readonly string[], count: number): Promise<Map<string, RecordedEvent[]>>;
  /** Null where there is no such tape. */
  head(runId: string): Promise<TapeHead | null>;
  /** Recomputes the chain of hashes from what is stored. */
  verify(runId: string): Promise<Verification>;
  /** Drops what is kept in memory of a tape that is gone from the store. */
  forget(runId: string): void;
  /** Resolves when every append that was begun has its outcome. */
  idle(): Promise<void>;
}

/** What became durable in one append. Called once for each, in the order of the tape, after the commit. */
export type OnCommitted = (recorded: { runId: string; sessionId: string; events: RecordedEvent[] }) => void;
