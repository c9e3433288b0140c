import { type BatchStatement, databaseTime, type RowWrite } from '../database/batch-statement.ts';
import type { Database } from '../database/database.ts';

/** The right to execute one run. */
export interface Lease {
  runId: string;
  sessionId: string;
  epoch: number;
  /** The holder before this one vanished without handing it back. */
  lost: boolean;
}

/** Runs that nobody executes and that could go on: those under way first, then of each session the next in line. */
const CLAIM = `
  INSERT INTO "Lease" ("runId", "holder", "epoch", "expiresAt", "lost")
  SELECT "Run"."id", ?, coalesce("Lease"."epoch", 0) + 1, ?, "Lease"."holder" IS NOT NULL
    FROM "Run" LEFT JOIN "Lease" ON "Lease"."runId" = "Run"."id"
    WHERE ("Lease"."holder" IS NULL OR "Lease"."expiresAt" <= ?)
      AND ("Run"."state" = 'IN_PROGRESS' OR ("Run"."state" = 'PENDING' AND "Run"."id" = (
        SELECT "next"."id" FROM "Run" AS "next"
          WHERE "next"."sessionId" = "Run"."sessionId" AND "next"."state" IN ('PENDING', 'IN_PROGRESS', 'AWAITING_APPROVAL')
          ORDER BY "next"."state" = 'PENDING', "next"."urgent" DESC, "next"."id" LIMIT 1)))
    ORDER BY "Run"."state" = 'PENDING', "Run"."id" LIMIT ?
  ON CONFLICT ("runId") DO UPDATE SET "holder" = excluded."holder", "epoch" = excluded."epoch",
    "expiresAt" = excluded."expiresAt", "lost" = excluded."lost"
  RETURNING "runId", "epoch", "lost",
    (SELECT "sessionId" FROM "Tape" WHERE "Tape"."runId" = "Lease"."runId") AS "sessionId"`;

interface ClaimRequest {
  holder: string;
  limit: number;
  /** Epoch milliseconds. */
  now: number;
  leaseMilliseconds: number;
}

/** Takes leases, oldest run first, and raises their epochs, in one statement. */
export async function claimLeases(database: Database, request: ClaimRequest): Promise<Lease[]> {
  const { holder, limit, now, leaseMilliseconds } = request;
  const rows = await database.write((client) =>
    client.$queryRawUnsafe<{ runId: string; sessionId: string; epoch: number | bigint; lost: unknown }[]>(
      CLAIM,
      ...[holder, databaseTime(now + leaseMilliseconds), databaseTime(now), limit],
    ),
  );
  return rows.map((row) => ({ ...row, epoch: Number(row.epoch), lost: Boolean(row.lost) }));
}

/** Prolongs leases; returns the runs that the holder still holds. */
export async function renewLeases(
  database: Database,
  holder: string,
  runIds: readonly string[],
  expiresAt: Date,
): Promise<Set<string>> {
  const rows = await database.write((client) =>
    client.lease.updateManyAndReturn({
      where: { holder, runId: { in: [...runIds] } },
      data: { expiresAt },
      select: { runId: true },
    }),
  );
  return new Set(rows.map(({ runId }) => runId));
}

/** Leases of a process that is gone: on a file that one server holds, those of every other one. */
export async function voidLeases(database: Database, now: Date): Promise<void> {
  await database.write((client) =>
    client.lease.updateMany({ where: { holder: { not: null } }, data: { expiresAt: now } }),
  );
}

const handBackStatement: BatchStatement = {
  name: 'hand back lease',
  order: 80,
  distinct: ['runId'],
  sqlite: `UPDATE "Lease" SET "holder" = NULL FROM json_each(?) AS element
    WHERE "Lease"."runId" = element.value ->> 'runId' AND "Lease"."epoch" = element.value ->> 'epoch'`,
  postgresql: `UPDATE "Lease" SET "holder" = NULL FROM jsonb_to_recordset($1::jsonb) AS element("runId" text, "epoch" int)
    WHERE "Lease"."runId" = element."runId" AND "Lease"."epoch" = element."epoch"`,
};

/** Goes with the append after which the run needs no executor, or stands alone where a server stops. */
export function handBack({ runId, epoch }: Lease): RowWrite {
  return { statement: handBackStatement, row: { runId, epoch } };
}
