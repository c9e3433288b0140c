import type { RecordedEvent } from './domain/events.ts';

/** A subscription that reads a tape. */
export interface ObservedFollower {
  /** Events that its tape has and that it has not read. */
  lag(): number;
}

/**
 * Is told what happens inside of this server, so that it can be counted. Absent where nobody counts. The callers do not wait and
 * handle no errors: every method must be quick and must not throw.
 */
export interface Observer {
  /** Events became durable. Called once for each append of this server, in the order of its tape. */
  appended(events: readonly RecordedEvent[]): void;
  /** The appends of one commit became durable, in this time. */
  committed(commit: { appends: number; milliseconds: number }): void;
  /** A request was refused. @param code of the error or of the refusal */
  refused(code: string): void;
  /** Credentials were not accepted. */
  signInFailed(problem: string): void;
  /** A follower began to read. The returned function ends it. */
  following(follower: ObservedFollower): () => void;
}
