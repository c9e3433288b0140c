import type { BatchStatement } from '../database/batch-statement.ts';

/**
 * What differs between the stores where leases are taken and prolonged. On a file, time is the server's, of which there is one;
 * on Postgres it is the database's, because clocks of servers differ.
 */

/** Runs that nobody executes and that could go on: those under way first, then of each session the next in line. */
const open = (isFree: string) => `
  FROM "Run" LEFT JOIN "Lease" ON "Lease"."runId" = "Run"."id"
    WHERE ("Lease"."holder" IS NULL OR ${isFree})
      AND ("Run"."state" = 'IN_PROGRESS' OR ("Run"."state" = 'PENDING' AND "Run"."id" = (
        SELECT "next"."id" FROM "Run" AS "next"
          WHERE "next"."sessionId" = "Run"."sessionId" AND "next"."state" IN ('PENDING', 'IN_PROGRESS', 'AWAITING_APPROVAL')
          ORDER BY "next"."state" = 'PENDING', "next"."urgent" DESC, "next"."id" LIMIT 1)))
    ORDER BY "Run"."state" = 'PENDING', "Run"."id"`;

/** Holder, new end, now, limit. */
export const CLAIM_SQLITE = `
  INSERT INTO "Lease" ("runId", "holder", "epoch", "expiresAt", "lost")
  SELECT "Run"."id", ?, coalesce("Lease"."epoch", 0) + 1, ?, "Lease"."holder" IS NOT NULL
  ${open('"Lease"."expiresAt" <= ?')} LIMIT ?
  ON CONFLICT ("runId") DO UPDATE SET "holder" = excluded."holder", "epoch" = excluded."epoch",
    "expiresAt" = excluded."expiresAt", "lost" = excluded."lost"
  RETURNING "runId", "epoch", "lost",
    (SELECT "sessionId" FROM "Tape" WHERE "Tape"."runId" = "Lease"."runId") AS "sessionId"`;

const now = `(clock_timestamp() AT TIME ZONE 'UTC')`;
const newEnd = (milliseconds: string) => `${now} + ${milliseconds}::int * interval '1 millisecond'`;

/**
 * Holder, milliseconds, limit. What another server is taking, or writing under, at this moment is left to it: nobody waits for
 * anybody here.
 */
export const CLAIM_POSTGRESQL = `
  WITH "open" AS (SELECT "Run"."id" ${open(`"Lease"."expiresAt" <= ${now}`)} LIMIT $3::int),
  "idle" AS (
    SELECT "runId" FROM "Lease" WHERE "runId" IN (SELECT "id" FROM "open") AND ("holder" IS NULL OR "expiresAt" <= ${now})
      FOR NO KEY UPDATE SKIP LOCKED
  ),
  "again" AS (
    UPDATE "Lease" SET "lost" = "holder" IS NOT NULL, "holder" = $1, "epoch" = "epoch" + 1, "expiresAt" = ${newEnd('$2')}
      WHERE "runId" IN (SELECT "runId" FROM "idle") RETURNING "runId", "epoch", "lost"
  ),
  "first" AS (
    INSERT INTO "Lease" ("runId", "holder", "epoch", "expiresAt", "lost")
      SELECT "id", $1, 1, ${newEnd('$2')}, false FROM "open"
        WHERE NOT EXISTS (SELECT FROM "Lease" WHERE "runId" = "open"."id")
      ON CONFLICT DO NOTHING RETURNING "runId", "epoch", "lost"
  )
  SELECT "runId", "epoch", "lost", "sessionId"
    FROM (SELECT * FROM "again" UNION ALL SELECT * FROM "first") AS claimed JOIN "Tape" USING ("runId")`;

/** New end, holder, JSON array of runs. */
export const RENEW_SQLITE = `
  UPDATE "Lease" SET "expiresAt" = ? WHERE "holder" = ? AND "runId" IN (SELECT value FROM json_each(?))
  RETURNING "runId"`;

/** Holder, JSON array of runs, milliseconds. Locks in the order in which appends do. */
export const RENEW_POSTGRESQL = `
  UPDATE "Lease" SET "expiresAt" = ${newEnd('$3')} FROM (
    SELECT "runId" FROM "Lease" WHERE "holder" = $1 AND "runId" IN (SELECT jsonb_array_elements_text($2::jsonb))
      ORDER BY "runId" FOR NO KEY UPDATE
  ) AS held WHERE "Lease"."runId" = held."runId" RETURNING "Lease"."runId"`;

/** Milliseconds until the first lease of somebody else runs out; null where nobody else holds one. Holder. */
export const FIRST_END_POSTGRESQL = `
  SELECT greatest(0, ceil(extract(epoch FROM min("expiresAt") - ${now}) * 1000))::int AS "milliseconds"
    FROM "Lease" WHERE "holder" IS NOT NULL AND "holder" <> $1`;

export const handBackStatement: BatchStatement = {
  name: 'hand back lease',
  order: 80,
  distinct: ['runId'],
  sqlite: `UPDATE "Lease" SET "holder" = NULL FROM json_each(?) AS element
    WHERE "Lease"."runId" = element.value ->> 'runId' AND "Lease"."epoch" = element.value ->> 'epoch'`,
  postgresql: `UPDATE "Lease" SET "holder" = NULL FROM jsonb_to_recordset($1::jsonb) AS element("runId" text, "epoch" int)
    WHERE "Lease"."runId" = element."runId" AND "Lease"."epoch" = element."epoch"`,
};
