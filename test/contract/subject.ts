import type { RowWrite } from '../../src/database/batch-statement.ts';
import type { Journal, OnCommitted } from '../../src/journal/journal.ts';
import { insertIdempotencyKey } from '../../src/repositories/idempotency-keys.ts';
import { sessionId } from './appends.ts';

/** A journal with what the contract needs to know of the store behind it. */
export interface Subject {
  journal: Journal;
  /** Keys of the rows that stand in the store. */
  keys(): Promise<string[]>;
  /** Makes this the newest lease of a run, which has a tape. */
  lease(runId: string, epoch: number): Promise<void>;
  close(): Promise<void>;
}

/** Opens an empty store. Of the rows that `row` makes it takes each key once, and `taken` never. */
export type OpenSubject = (onRecorded: OnCommitted) => Promise<Subject>;

/** Opens a subject that is closed when the test ends. */
export type Start = (onRecorded?: OnCommitted) => Promise<Subject>;

/** The row that a store refuses. */
export const TAKEN = 'taken';
/** Stands in the refusal of a row whose key is taken. */
export const TAKEN_RULE = 'IdempotencyKey';

/** A row that can be told from others by its key. */
export function row(key: string): RowWrite {
  return insertIdempotencyKey({ principal: 'ada', key, digest: '', sessionId, runId: 'run', seq: 1, createdAt: 0 });
}
