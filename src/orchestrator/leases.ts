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

/** The right to execute one run. */
export interface Lease {
  runId: string;
  sessionId: string;
  epoch: number;
  /** The holder before this one did not hand it back. */
  lost: boolean;
}

const claimStatement: Statement<Lease> = {
  columns: { runId: 'text', epoch: 'number', lost: 'boolean', sessionId: 'text' },
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

/** For whom, from when and for how long. */
export interface LeaseTerm {
  holder: string;
  /** Epoch milliseconds. */
  now: number;
  leaseMilliseconds: number;
}

/** The lease of a run that is being recorded by the server that will execute it. */
export function firstLease({ holder, now, leaseMilliseconds }: LeaseTerm, runId: string): RowWrite {
  const expiresAt = databaseTime(now + leaseMilliseconds);
  return { statement: firstLeaseStatement, row: { runId, holder, expiresAt, milliseconds: leaseMilliseconds } };
}

/** The next lease of a run that waits, with what lets it go on. It is taken only if nobody executes the run by then. */
export function nextLease({ holder, now, leaseMilliseconds }: LeaseTerm, { runId, epoch }: Lease): RowWrite {
  const expiresAt = databaseTime(now + leaseMilliseconds);
  return { statement: nextLeaseStatement, row: { runId, holder, epoch, expiresAt, milliseconds: leaseMilliseconds } };
}

const idleLease = statement<{ epoch: number }>(
  { epoch: 'number' },
  () => `SELECT "epoch" FROM "Lease" WHERE "runId" = ? AND "holder" IS NULL`,
);

/** The epoch of the next executor of a run that nobody executes; null where somebody does, or never did. */
export async function nextEpoch(database: Pick<Database, 'query'>, runId: string): Promise<number | null> {
  const [lease] = await database.query(idleLease, runId);
  return lease ? lease.epoch + 1 : null;
}

const heldLease = statement<{ epoch: number }>(
  { epoch: 'number' },
  () => `SELECT "epoch" FROM "Lease" WHERE "runId" = ? AND "holder" = ? AND "epoch" = ?`,
);

export async function holdsLease(
  database: Pick<Database, 'query'>,
  holder: string,
  { runId, epoch }: Lease,
): Promise<boolean> {
  return (await database.query(heldLease, runId, holder, epoch)).length > 0;
}

/** Takes leases, oldest run first, and raises their epochs, in one statement. */
export function claimLeases(database: Database, term: LeaseTerm, limit: number): Promise<Lease[]> {
  const { holder, now, leaseMilliseconds } = term;
  if (database.isShared) return database.query(claimStatement, holder, leaseMilliseconds, limit);
  const [at, end] = [databaseTime(now), databaseTime(now + leaseMilliseconds)];
  return database.query(claimStatement, holder, end, at, limit, at, limit, limit);
}

const waiting = statement<{ id: string }>(
  { id: 'text' },
  () => `SELECT "id" FROM "Run" WHERE "state" = 'PENDING' LIMIT 1`,
);

/** Whether any run waits at all: seldom, and much cheaper to know than which could begin. */
export async function anyRunPending(database: Database): Promise<boolean> {
  return (await database.query(waiting)).length > 0;
}

/** Prolongs leases; returns the runs that the holder still holds. */
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

/** Milliseconds until a lease of another server runs out; null where there is no such lease. */
export async function nextForeignExpiry(database: Database, holder: string): Promise<number | null> {
  if (!database.isShared) return null;
  const [row] = await database.reader.$queryRawUnsafe<{ milliseconds: number | null }[]>(FIRST_END_POSTGRESQL, holder);
  return row?.milliseconds ?? null;
}

/** Leases of a process that is gone: on a file that one server holds, those of every other one. */
export async function expireAllLeases(database: Database, now: Date): Promise<void> {
  await database.write((client) =>
    client.lease.updateMany({ where: { holder: { not: null } }, data: { expiresAt: now } }),
  );
}

/** Goes with the append after which the run needs no executor, or stands alone where a server stops. */
export function releaseLease({ runId, epoch }: Lease): RowWrite {
  return { statement: releaseStatement, row: { runId, epoch } };
}
