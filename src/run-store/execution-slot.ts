import type { RowWrite } from '../database/batch-statement.ts';

/** A run that is about to continue: a new one, or one that waited for a person. */
export interface ClaimableRun {
  runId: string;
  sessionId: string;
}

/** Room on this server to execute one run. Exactly one of `start` and `release` is called, once. */
export interface ExecutionSlot {
  /** The lease of the run. It is written in the append that lets the run continue. */
  lease: RowWrite;
  /** Starts the execution. Called after that append is durable. */
  start(): void;
  /** Gives the slot back: the run does not continue here. */
  release(): void;
}

/**
 * Claims a slot on this server for a run that is about to be recorded as IN_PROGRESS, so that nobody has to search for it.
 * Null when this server has no room, is stopping, or another server executes the run: the run is then claimed later.
 *
 * @param kind `new` for a run without a lease so far, `waiting` for one that had an executor before
 */
export type ClaimNow = (
  run: ClaimableRun,
  kind: 'new' | 'waiting',
) => ExecutionSlot | null | Promise<ExecutionSlot | null>;
