import type { BatchStatement } from '../database/batch-statement.ts';

/**
 * What differs between the stores where leases are taken and prolonged. On a file, time is the server's, of which there is one;
 * on Postgres it is the database's, because clocks of servers differ.
 */

/** Of the runs in one state those that nobody executes, oldest first: a walk along an index that ends at the limit. */
const free = (condition: string, ended: string, limit: string) => `
  SELECT "Run"."id" AS "runId", "Run"."sessionId" AS "sessionId", "Lease"."epoch" AS "epoch", "Lease"."holder" AS "holder"
    FROM "Run" LEFT JOIN "Lease" ON "Lease"."runId" = "Run"."id"
    WHERE ${condition} AND ("Lease"."holder" IS NULL OR "Lease"."expiresAt" <= ${ended})
    ORDER BY "Run"."id" LIMIT ${limit}`;

/** Runs that could go on: those under way first, then of each session the next in line. */
const open = (ended: string, limit: string, byOpen: string) => `
  SELECT * FROM (${free(`"Run"."state" = 'IN_PROGRESS'`, ended, limit)}) AS "begun"
  UNION ALL
  SELECT * FROM (${free(
    `"Run"."state" = 'PENDING' AND "Run"."id" = (
      SELECT "next"."id" FROM "Run" AS "next" ${byOpen}
        WHERE "next"."sessionId" = "Run"."sessionId" AND "next"."state" IN ('PENDING', 'IN_PROGRESS', 'AWAITING_APPROVAL')
        ORDER BY "next"."state" = 'PENDING', "next"."urgent" DESC, "next"."id" LIMIT 1)`,
    ended,
    limit,
  )}) AS "waiting"
  LIMIT ${limit}`;

/** Holder, new end, then of each kind of run now and limit, then the limit of both. */
export const CLAIM_SQLITE = `
  INSERT INTO "Lease" ("runId", "holder", "epoch", "expiresAt", "lost")
  SELECT "runId", ?, coalesce("epoch", 0) + 1, ?, "holder" IS NOT NULL FROM (${open('?', '?', 'INDEXED BY "Run_open"')}) WHERE true
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
  WITH "open" AS MATERIALIZED (${open(now, '$3::int', '')}),
  "idle" AS (
    SELECT "runId" FROM "Lease" WHERE "runId" IN (SELECT "runId" FROM "open") AND ("holder" IS NULL OR "expiresAt" <= ${now})
      FOR NO KEY UPDATE SKIP LOCKED
  ),
  "again" AS (
    UPDATE "Lease" SET "lost" = "holder" IS NOT NULL, "holder" = $1, "epoch" = "epoch" + 1, "expiresAt" = ${newEnd('$2')}
      WHERE "runId" IN (SELECT "runId" FROM "idle") RETURNING "runId", "epoch", "lost"
  ),
  "first" AS (
    INSERT INTO "Lease" ("runId", "holder", "epoch", "expiresAt", "lost")
      SELECT "runId", $1, 1, ${newEnd('$2')}, false FROM "open" WHERE "epoch" IS NULL
      ON CONFLICT DO NOTHING RETURNING "runId", "epoch", "lost"
  )
  SELECT claimed."runId", claimed."epoch", "lost", "sessionId"
    FROM (SELECT * FROM "again" UNION ALL SELECT * FROM "first") AS claimed JOIN "open" ON "open"."runId" = claimed."runId"`;

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

/** Behind the tape, in front of what an executor writes. */
export const firstLeaseStatement: BatchStatement = {
  name: 'first lease',
  order: 25,
  distinct: null,
  sqlite: `INSERT INTO "Lease" ("runId", "holder", "epoch", "expiresAt", "lost")
    SELECT element.value ->> 'runId', element.value ->> 'holder', 1, element.value ->> 'expiresAt', false
    FROM json_each(?) AS element`,
  postgresql: `INSERT INTO "Lease" ("runId", "holder", "epoch", "expiresAt", "lost")
    SELECT "runId", "holder", 1, ${newEnd('"milliseconds"')}, false
    FROM jsonb_to_recordset($1::jsonb) AS element("runId" text, "holder" text, "milliseconds" int)`,
};

export const nextLeaseStatement: BatchStatement = {
  name: 'next lease',
  order: 25,
  distinct: ['runId'],
  sqlite: `UPDATE "Lease" SET "holder" = element.value ->> 'holder', "epoch" = element.value ->> 'epoch',
      "expiresAt" = element.value ->> 'expiresAt', "lost" = false
    FROM json_each(?) AS element
    WHERE "Lease"."runId" = element.value ->> 'runId' AND "Lease"."epoch" = element.value ->> 'epoch' - 1
      AND "Lease"."holder" IS NULL`,
  postgresql: `UPDATE "Lease" SET "holder" = element."holder", "epoch" = element."epoch",
      "expiresAt" = ${newEnd('element."milliseconds"')}, "lost" = false
    FROM jsonb_to_recordset($1::jsonb) AS element("runId" text, "holder" text, "epoch" int, "milliseconds" int)
    WHERE "Lease"."runId" = element."runId" AND "Lease"."epoch" = element."epoch" - 1 AND "Lease"."holder" IS NULL`,
};

export const releaseStatement: BatchStatement = {
  name: 'hand back lease',
  order: 80,
  distinct: ['runId'],
  sqlite: `UPDATE "Lease" SET "holder" = NULL FROM json_each(?) AS element
    WHERE "Lease"."runId" = element.value ->> 'runId' AND "Lease"."epoch" = element.value ->> 'epoch'`,
  postgresql: `UPDATE "Lease" SET "holder" = NULL FROM jsonb_to_recordset($1::jsonb) AS element("runId" text, "epoch" int)
    WHERE "Lease"."runId" = element."runId" AND "Lease"."epoch" = element."epoch"`,
};
