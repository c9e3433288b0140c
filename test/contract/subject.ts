import type { RowWrite } from '../../src/database/batch-statement.ts';
import type { Journal, OnCommitted } from '../../src/journal/journal.ts';
import { insertIdempotencyKey } from '../../src/repositories/idempotency-keys.ts';
import { sessionId } from './appends.ts';

/** A journal and the access to its store that the contract needs. */
export interface Subject {
  journal: Journal;
  /** Keys of the stored rows. */
  keys(): Promise<string[]>;
  /** Stores the newest lease of a run that has a tape. */
  lease(runId: string, epoch: number): Promise<void>;
  close(): Promise<void>;
}

/** Opens an empty store. It accepts the row of each key once, and refuses the key `TAKEN`. */
export type OpenSubject = (onCommitted: OnCommitted) => Promise<Subject>;

/** Opens a subject that is closed when the test ends. */
export type Start = (onCommitted?: OnCommitted) => Promise<Subject>;

/** The key of the row that a store refuses. */
export const TAKEN = 'taken';
/** Part of the rule that refuses it. */
export const TAKEN_RULE = 'IdempotencyKey';

/** A row that its key identifies. */
export function row(key: string): RowWrite {
  return insertIdempotencyKey({
    principal: 'ada',
    mutation: 'sendMessage',
    key,
    digest: '',
    resultId: 'run',
    sessionId,
    seq: 1,
    createdAt: 0,
  });
}
