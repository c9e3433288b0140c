import { databaseTime, type RowWrite } from '../database/batch-statement.ts';
import type { Database } from '../database/database.ts';
import {
  CLAIM_POSTGRESQL,
  CLAIM_SQLITE,
  FIRST_END_POSTGRESQL,
  handBackStatement,
  RENEW_POSTGRESQL,
  RENEW_SQLITE,
} from './lease-statements.ts';

/** The right to execute one run. */
export interface Lease {
  runId: string;
  sessionId: string;
  epoch: number;
  /** The holder before this one did not hand it back. */
  lost: boolean;
}

/** For whom, from when and for how long. */
export interface LeaseTerm {
  holder: string;
  /** Epoch milliseconds. */
  now: number;
  leaseMilliseconds: number;
}

/** Takes leases, oldest run first, and raises their epochs, in one statement. */
export async function claimLeases(database: Database, term: LeaseTerm, limit: number): Promise<Lease[]> {
  const { holder, now, leaseMilliseconds } = term;
  const at = databaseTime(now);
  const claim: Statement =
    database.provider === 'sqlite'
      ? [CLAIM_SQLITE, holder, databaseTime(now + leaseMilliseconds), at, limit, at, limit, limit]
      : [CLAIM_POSTGRESQL, holder, leaseMilliseconds, limit];
  const rows = await perform<{ runId: string; sessionId: string; epoch: number | bigint; lost: unknown }>(
    database,
    claim,
  );
  return rows.map((row) => ({ ...row, epoch: Number(row.epoch), lost: Boolean(row.lost) }));
}

/** Prolongs leases; returns the runs that the holder still holds. */
export async function renewLeases(
  database: Database,
  { holder, now, leaseMilliseconds }: LeaseTerm,
  runIds: readonly string[],
): Promise<Set<string>> {
  const renew: Statement =
    database.provider === 'sqlite'
      ? [RENEW_SQLITE, databaseTime(now + leaseMilliseconds), holder, JSON.stringify(runIds)]
      : [RENEW_POSTGRESQL, holder, JSON.stringify(runIds), leaseMilliseconds];
  const rows = await perform<{ runId: string }>(database, renew);
  return new Set(rows.map(({ runId }) => runId));
}

/** Milliseconds until a lease of another server runs out; null where there is no such lease. */
export async function firstForeignEnd(database: Database, holder: string): Promise<number | null> {
  if (!database.isShared) return null;
  const [row] = await database.reader.$queryRawUnsafe<{ milliseconds: number | null }[]>(FIRST_END_POSTGRESQL, holder);
  return row?.milliseconds ?? null;
}

/** Leases of a process that is gone: on a file that one server holds, those of every other one. */
export async function voidLeases(database: Database, now: Date): Promise<void> {
  await database.write((client) =>
    client.lease.updateMany({ where: { holder: { not: null } }, data: { expiresAt: now } }),
  );
}

/** Goes with the append after which the run needs no executor, or stands alone where a server stops. */
export function handBack({ runId, epoch }: Lease): RowWrite {
  return { statement: handBackStatement, row: { runId, epoch } };
}

type Statement = [sql: string, ...parameters: (string | number)[]];

function perform<Row>(database: Database, [sql, ...parameters]: Statement): Promise<Row[]> {
  return database.write((client) => client.$queryRawUnsafe<Row[]>(sql, ...parameters));
}
