import { databaseTime, type RowWrite } from '../database/batch-statement.ts';
import type { Database } from '../database/database.ts';
import { type Statement, statement } from '../database/statement.ts';
import {
  CLAIM_POSTGRESQL,
  CLAIM_SQLITE,
  FIRST_END_POSTGRESQL,
  firstLeaseStatement,
  nextLeaseStatement,
  RENEW_POSTGRESQL,
  RENEW_SQLITE,
  releaseStatement,
} from './lease-statements.ts';

/** The exclusive right to execute one run. */
export interface Lease {
  runId: string;
  sessionId: string;
  epoch: number;
  /** Whether the previous holder did not release it. */
  lost: boolean;
}

const claimStatement: Statement<Lease> = {
  columns: { runId: 'text', epoch: 'int', lost: 'boolean', sessionId: 'text' },
  writes: true,
  sqlite: CLAIM_SQLITE,
  postgresql: CLAIM_POSTGRESQL,
};
const renewStatement: Statement<{ runId: string }> = {
  columns: { runId: 'text' },
  writes: true,
  sqlite: RENEW_SQLITE,
  postgresql: RENEW_POSTGRESQL,
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
export function nextLease({ holder, now, leaseMilliseconds }: LeaseTerm, { runId, epoch }: Lease): RowWrite {
  const expiresAt = databaseTime(now + leaseMilliseconds);
  return { statement: nextLeaseStatement, row: { runId, holder, epoch, expiresAt, milliseconds: leaseMilliseconds } };
}

const idleLease = statement<{ epoch: number }>(
  { epoch: 'int' },
  () => `SELECT "epoch" FROM "Lease" WHERE "runId" = ? AND "holder" IS NULL`,
);

/** The epoch of the next executor. Null when the run has a holder, or never had one. */
export async function nextEpoch(database: Pick<Database, 'query'>, runId: string): Promise<number | null> {
  const [lease] = await database.query(idleLease, runId);
  return lease ? lease.epoch + 1 : null;
}

const heldLease = statement<{ epoch: number }>(
  { epoch: 'int' },
  () => `SELECT "epoch" FROM "Lease" WHERE "runId" = ? AND "holder" = ? AND "epoch" = ?`,
);

export async function holdsLease(
  database: Pick<Database, 'query'>,
  holder: string,
  { runId, epoch }: Lease,
): Promise<boolean> {
  return (await database.query(heldLease, runId, holder, epoch)).length > 0;
}

/** Takes leases of runs without a holder, oldest run first, and raises their epochs, in one statement. */
export function claimLeases(database: Database, term: LeaseTerm, limit: number): Promise<Lease[]> {
  const { holder, now, leaseMilliseconds } = term;
  if (database.isShared) return database.query(claimStatement, holder, leaseMilliseconds, limit);
  const [at, end] = [databaseTime(now), databaseTime(now + leaseMilliseconds)];
  return database.query(claimStatement, holder, end, at, limit, at, limit, limit);
}

const pendingRun = statement<{ id: string }>(
  { id: 'text' },
  () => `SELECT "id" FROM "Run" WHERE "state" = 'PENDING' LIMIT 1`,
);

/** Whether any run is PENDING. Usually none is, and this costs much less than a search for runs that can start. */
export async function anyRunPending(database: Database): Promise<boolean> {
  return (await database.query(pendingRun)).length > 0;
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

/** Expires every lease. Only for a store that one server uses: every holder is then a process that is gone. */
export async function expireAllLeases(database: Database, now: Date): Promise<void> {
  await database.write((client) =>
    client.lease.updateMany({ where: { holder: { not: null } }, data: { expiresAt: now } }),
  );
}

/** Written in the append after which the run needs no executor, or alone when a server stops. */
export function releaseLease({ runId, epoch }: Lease): RowWrite {
  return { statement: releaseStatement, row: { runId, epoch } };
}
