import { databaseTime, type RowWrite } from '../database/batch-statement.ts';
import type { Database } from '../database/database.ts';
import { keyed, type Statement, statement, writingStatement } from '../database/statement.ts';
import {
  CLAIM_POSTGRESQL,
  CLAIM_SQLITE,
  CLAIM_SUSPECT_POSTGRESQL,
  CLAIM_SUSPECT_SQLITE,
  clearSuspicionStatement,
  FIRST_END_POSTGRESQL,
  firstLeaseStatement,
  nextLeaseStatement,
  RELEASE_ENDED_POSTGRESQL,
  RELEASE_ENDED_SQLITE,
  RENEW_POSTGRESQL,
  RENEW_SQLITE,
  REQUEUE_SUSPECT_POSTGRESQL,
  REQUEUE_SUSPECT_SQLITE,
  releaseStatement,
  suspectStatement,
} from './lease-statements.ts';

/** The exclusive right to execute one run. */
export interface Lease {
  runId: string;
  sessionId: string;
  epoch: number;
  /** Whether the previous holder did not release it. */
  lost: boolean;
  /** Whether that holder executed no other run. */
  alone: boolean;
  /**
   * 0 unless the run is a suspect: it was lost again without progress after a resumption. Suspects are resumed one at a time.
   * Increases each time that the suspect is lost.
   */
  suspicion: number;
}

/** Names the lease of one executor. */
type LeaseKey = Pick<Lease, 'runId' | 'epoch'>;

const claimStatement: Statement<Lease> = {
  columns: { runId: 'text', epoch: 'int', lost: 'boolean', alone: 'boolean', suspicion: 'int', sessionId: 'text' },
  writes: true,
  sqlite: CLAIM_SQLITE,
  postgresql: CLAIM_POSTGRESQL,
};
const requeueSuspectStatement: Statement<{ runId: string }> = {
  columns: { runId: 'text' },
  writes: true,
  sqlite: REQUEUE_SUSPECT_SQLITE,
  postgresql: REQUEUE_SUSPECT_POSTGRESQL,
};
const claimSuspectStatement: Statement<Lease> = {
  ...claimStatement,
  sqlite: CLAIM_SUSPECT_SQLITE,
  postgresql: CLAIM_SUSPECT_POSTGRESQL,
};
const renewStatement: Statement<{ runId: string }> = {
  columns: { runId: 'text' },
  writes: true,
  sqlite: RENEW_SQLITE,
  postgresql: RENEW_POSTGRESQL,
};

const releaseEndedStatement: Statement<{ runId: string }> = {
  columns: { runId: 'text' },
  writes: true,
  sqlite: RELEASE_ENDED_SQLITE,
  postgresql: RELEASE_ENDED_POSTGRESQL,
};

/** Who holds a lease, from when, and for how long. */
export interface LeaseTerm {
  holder: string;
  /** Epoch milliseconds. */
  now: number;
  leaseMilliseconds: number;
}

/** The first lease of a new run. Written in the append that starts the run. */
export function firstLease({ holder, now, leaseMilliseconds }: LeaseTerm, runId: string): RowWrite {
  const expiresAt = databaseTime(now + leaseMilliseconds);
  return { statement: firstLeaseStatement, row: { runId, holder, expiresAt, milliseconds: leaseMilliseconds } };
}

/** The next lease of a run that waits. Written in the append that resumes it; has no effect when the run has a holder by then. */
export function nextLease({ holder, now, leaseMilliseconds }: LeaseTerm, { runId, epoch }: LeaseKey): RowWrite {
  const expiresAt = databaseTime(now + leaseMilliseconds);
  return { statement: nextLeaseStatement, row: { runId, holder, epoch, expiresAt, milliseconds: leaseMilliseconds } };
}

const idleLease = keyed(
  statement<{ epoch: number }>(
    { epoch: 'int' },
    () => `SELECT "epoch" FROM "Lease" WHERE "runId" = ? AND "holder" IS NULL`,
  ),
);

/** The epoch of the next executor. Null when the run has a holder, or never had one. */
export async function nextEpoch(database: Pick<Database, 'query'>, runId: string): Promise<number | null> {
  const [lease] = await database.query(idleLease, runId);
  return lease ? lease.epoch + 1 : null;
}

const heldLease = keyed(
  statement<{ epoch: number }>(
    { epoch: 'int' },
    () => `SELECT "epoch" FROM "Lease" WHERE "runId" = ? AND "holder" = ? AND "epoch" = ?`,
  ),
);

export async function holdsLease(
  database: Pick<Database, 'query'>,
  holder: string,
  { runId, epoch }: LeaseKey,
): Promise<boolean> {
  return (await database.query(heldLease, runId, holder, epoch)).length > 0;
}

/** Takes leases of runs without a holder, oldest run first, and raises their epochs, in one statement. */
export function claimLeases(database: Database, term: LeaseTerm, limit: number): Promise<Lease[]> {
  const { holder, now, leaseMilliseconds } = term;
  if (database.isShared) return database.query(claimStatement, holder, leaseMilliseconds, limit);
  const [at, end] = [databaseTime(now), databaseTime(now + leaseMilliseconds)];
  return database.query(claimStatement, holder, end, at, limit, at, limit, at, limit, limit);
}

/**
 * Takes the lease of the suspect that is next, unless another one is at work: the next crash then names its cause.
 * A suspect whose server was lost goes to the end of the queue.
 */
export async function claimSuspect(database: Database, term: LeaseTerm): Promise<Lease[]> {
  const { holder, now, leaseMilliseconds } = term;
  if (database.isShared) {
    await database.query(requeueSuspectStatement, holder);
    return database.query(claimSuspectStatement, holder, leaseMilliseconds);
  }
  await database.query(requeueSuspectStatement, holder, databaseTime(now));
  return database.query(claimSuspectStatement, holder, databaseTime(now + leaseMilliseconds));
}

/** What waits for an executor, beside runs that lost theirs. */
export interface WaitingWork {
  pending: boolean;
  suspects: boolean;
}

const waitingWorkStatement = keyed(
  statement<WaitingWork>(
    { pending: 'boolean', suspects: 'boolean' },
    () =>
      `SELECT EXISTS (SELECT 1 FROM "Run" WHERE "state" = 'PENDING'), EXISTS (SELECT 1 FROM "Lease" WHERE "suspicion" > 0)`,
  ),
);

/** Usually nothing waits, and this costs much less than a search for runs that can start. */
export async function waitingWork(database: Database): Promise<WaitingWork> {
  const [row] = await database.query(waitingWorkStatement);
  return row ?? { pending: false, suspects: false };
}

/** Renews leases. Returns the runs that the holder still holds. */
export async function renewLeases(
  database: Database,
  { holder, now, leaseMilliseconds }: LeaseTerm,
  runIds: readonly string[],
): Promise<Set<string>> {
  const ids = JSON.stringify(runIds);
  const held = await (database.isShared
    ? database.query(renewStatement, holder, ids, leaseMilliseconds)
    : database.query(renewStatement, databaseTime(now + leaseMilliseconds), holder, ids));
  return new Set(held.map(({ runId }) => runId));
}

/** Milliseconds until the first lease of another server expires; null when there is none. */
export async function nextForeignExpiry(database: Database, holder: string): Promise<number | null> {
  if (!database.isShared) return null;
  const [row] = await database.reader.$queryRawUnsafe<{ milliseconds: number | null }[]>(FIRST_END_POSTGRESQL, holder);
  return row?.milliseconds ?? null;
}

/** Releases the leases of ended runs whose server was lost: nobody claims them. Returns the runs. */
export async function releaseEndedLeases(database: Database, now: number): Promise<string[]> {
  const released = await (database.isShared
    ? database.query(releaseEndedStatement)
    : database.query(releaseEndedStatement, databaseTime(now)));
  return released.map(({ runId }) => runId);
}

const expireStatement = writingStatement<{ runId: string }>(
  { runId: 'text' },
  () => `UPDATE "Lease" SET "expiresAt" = ? WHERE "holder" IS NOT NULL RETURNING "runId"`,
);

/** Expires every lease. Only for a store that one server uses: every holder is then a process that is gone. */
export async function expireAllLeases(database: Database, now: Date): Promise<void> {
  await database.query(expireStatement, databaseTime(now.getTime()));
}

/** Written in the append after which the run needs no executor, or alone when a server stops. */
export function releaseLease({ runId, epoch }: LeaseKey): RowWrite {
  return { statement: releaseStatement, row: { runId, epoch } };
}

/** Releases the lease of a run that waits from now on to be resumed alone. */
export function suspectRun({ runId, epoch }: LeaseKey): RowWrite {
  return { statement: suspectStatement, row: { runId, epoch } };
}

/** Written in the append that shows the progress of a suspect. */
export function clearSuspicion({ runId, epoch }: LeaseKey): RowWrite {
  return { statement: clearSuspicionStatement, row: { runId, epoch } };
}
