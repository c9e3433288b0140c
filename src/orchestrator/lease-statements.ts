import { type BatchStatement, rowStatement } from '../database/batch-statement.ts';

/**
 * Statements that differ between the stores. On SQLite, which one server uses, leases follow that server's clock. On Postgres
 * they follow the clock of the database, because the clocks of the servers differ.
 */

/** The runs that match a condition and have no holder, oldest first. Walks along an index and stops at the limit. */
const withoutHolder = (condition: string, time: string, limit: string) => `
  SELECT "Run"."id" AS "runId", "Run"."sessionId" AS "sessionId", "Lease"."epoch" AS "epoch", "Lease"."holder" AS "holder"
    FROM "Run" LEFT JOIN "Lease" ON "Lease"."runId" = "Run"."id"
    WHERE ${condition} AND ("Lease"."holder" IS NULL OR "Lease"."expiresAt" <= ${time}) AND coalesce("Lease"."suspicion", 0) = 0
    ORDER BY "Run"."id" LIMIT ${limit}`;

/** Runs that wait for an answer which a running tool needs, and whose server was lost. Every other waiting run has no holder. */
const interrupted = (time: string, limit: string) => `
  SELECT "Run"."id" AS "runId", "Run"."sessionId" AS "sessionId", "Lease"."epoch" AS "epoch", "Lease"."holder" AS "holder"
    FROM "Lease" JOIN "Run" ON "Run"."id" = "Lease"."runId"
    WHERE "Lease"."holder" IS NOT NULL AND "Lease"."expiresAt" <= ${time} AND "Lease"."suspicion" = 0
      AND "Run"."state" = 'AWAITING_APPROVAL'
    ORDER BY "Run"."id" LIMIT ${limit}`;

/**
 * Runs that can be executed: those in progress first, then those that were interrupted while they waited, then the next PENDING run
 * of each session without an active run.
 */
const executable = (time: string, limit: string, byOpen: string) => `
  SELECT * FROM (${withoutHolder(`"Run"."state" = 'IN_PROGRESS'`, time, limit)}) AS "started"
  UNION ALL
  SELECT * FROM (${interrupted(time, limit)}) AS "interrupted"
  UNION ALL
  SELECT * FROM (${withoutHolder(
    `"Run"."state" = 'PENDING' AND "Run"."id" = (
      SELECT "next"."id" FROM "Run" AS "next" ${byOpen}
        WHERE "next"."sessionId" = "Run"."sessionId" AND "next"."state" IN ('PENDING', 'IN_PROGRESS', 'AWAITING_APPROVAL')
        ORDER BY "next"."state" = 'PENDING', "next"."urgent" DESC, "next"."id" LIMIT 1)`,
    time,
    limit,
  )}) AS "waiting"
  LIMIT ${limit}`;

/**
 * Whether the holder of a lease that has run out held no other one. The statements also compare it with the server that takes
 * the lease: a server that takes its own one has not died. A lease that was claimed since then still names it as
 * `lostHolder`.
 */
const alone = (lease: string) => `(${lease}."holder" IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM "Lease" AS "other" WHERE "other"."holder" = ${lease}."holder" AND "other"."runId" <> ${lease}."runId")
    AND NOT EXISTS (SELECT 1 FROM "Lease" AS "other" WHERE "other"."lostHolder" = ${lease}."holder" AND "other"."runId" <> ${lease}."runId"))`;

const sessionOfLease = `(SELECT "sessionId" FROM "Tape" WHERE "Tape"."runId" = "Lease"."runId") AS "sessionId"`;

/** Parameters: holder, new expiry, then for each kind of run the time now and the limit, then the limit of both. */
export const CLAIM_SQLITE = `
  INSERT INTO "Lease" ("runId", "holder", "epoch", "expiresAt", "lost", "alone", "lostHolder")
  SELECT "runId", ?, coalesce("epoch", 0) + 1, ?, "holder" IS NOT NULL, ${alone('"open"')}, "holder"
    FROM (${executable('?', '?', 'INDEXED BY "Run_open"')}) AS "open" WHERE true
  ON CONFLICT ("runId") DO UPDATE SET "holder" = excluded."holder", "epoch" = excluded."epoch",
    "expiresAt" = excluded."expiresAt", "lost" = excluded."lost",
    "alone" = excluded."alone" AND "Lease"."holder" <> excluded."holder",
    "lostHolder" = coalesce(excluded."lostHolder", "lostHolder")
  RETURNING "runId", "epoch", "lost", "alone", "suspicion", ${sessionOfLease}`;

const now = `(clock_timestamp() AT TIME ZONE 'UTC')`;
const newExpiry = (milliseconds: string) => `${now} + ${milliseconds}::int * interval '1 millisecond'`;

/**
 * Parameters: holder, milliseconds, limit. Skips leases that another server is taking, or writing under, at this moment, so that
 * no server waits for another one.
 */
export const CLAIM_POSTGRESQL = `
  WITH "open" AS MATERIALIZED (${executable(now, '$3::int', '')}),
  "idle" AS (
    SELECT "runId" FROM "Lease" WHERE "runId" IN (SELECT "runId" FROM "open") AND ("holder" IS NULL OR "expiresAt" <= ${now})
      FOR NO KEY UPDATE SKIP LOCKED
  ),
  "again" AS (
    UPDATE "Lease" SET "lost" = "holder" IS NOT NULL, "alone" = ${alone('"Lease"')} AND "holder" <> $1, "lostHolder" = coalesce("holder", "lostHolder"),
        "holder" = $1, "epoch" = "epoch" + 1, "expiresAt" = ${newExpiry('$2')}
      WHERE "runId" IN (SELECT "runId" FROM "idle") RETURNING "runId", "epoch", "lost", "alone"
  ),
  "first" AS (
    INSERT INTO "Lease" ("runId", "holder", "epoch", "expiresAt", "lost")
      SELECT "runId", $1, 1, ${newExpiry('$2')}, false FROM "open" WHERE "epoch" IS NULL
      ON CONFLICT DO NOTHING RETURNING "runId", "epoch", "lost", "alone"
  )
  SELECT claimed."runId", claimed."epoch", "lost", "alone", 0, "sessionId"
    FROM (SELECT * FROM "again" UNION ALL SELECT * FROM "first") AS claimed JOIN "open" ON "open"."runId" = claimed."runId"`;

/** Puts the suspect whose server was lost back into the queue, behind those that were tried less often. */
const requeueLost = (holder: string, time: string) => `
  UPDATE "Lease" SET "lost" = true, "alone" = ${alone('"Lease"')} AND "holder" <> ${holder}, "lostHolder" = "holder", "holder" = NULL, "suspicion" = "suspicion" + 1
    WHERE "suspicion" > 0 AND "holder" IS NOT NULL AND "expiresAt" <= ${time} RETURNING "runId"`;

/** Parameters: the server that finds out, and the time now. */
export const REQUEUE_SUSPECT_SQLITE = requeueLost('?', '?');
/** Parameter: the server that finds out. */
export const REQUEUE_SUSPECT_POSTGRESQL = requeueLost('$1', now);

/**
 * Takes the next suspect, unless one is being tried. Servers that do so at the same moment choose the same one, and all but one of
 * them find that it is taken.
 */
const claimSuspect = (holder: string, expiry: string) => `
  UPDATE "Lease" SET "holder" = ${holder}, "epoch" = "epoch" + 1, "expiresAt" = ${expiry}
    WHERE "holder" IS NULL AND "runId" = (
      SELECT "runId" FROM "Lease" WHERE "suspicion" > 0
        AND NOT EXISTS (SELECT 1 FROM "Lease" AS "tried" WHERE "tried"."suspicion" > 0 AND "tried"."holder" IS NOT NULL)
        ORDER BY "suspicion", "runId" LIMIT 1)
    RETURNING "runId", "epoch", "lost", "alone", "suspicion", ${sessionOfLease}`;

/** Parameters: holder, new expiry. */
export const CLAIM_SUSPECT_SQLITE = claimSuspect('?', '?');
/** Parameters: holder, milliseconds. */
export const CLAIM_SUSPECT_POSTGRESQL = claimSuspect('$1', newExpiry('$2'));

/** No server claims a run that has ended. Its lease would stay with a lost server, and so would what its model call has reserved of a budget. */
const releaseEnded = (time: string) => `
  UPDATE "Lease" SET "lostHolder" = "holder", "holder" = NULL, "suspicion" = 0
    WHERE "holder" IS NOT NULL AND "expiresAt" <= ${time} AND EXISTS (
      SELECT 1 FROM "Run" WHERE "Run"."id" = "Lease"."runId" AND "Run"."state" IN ('DONE', 'CANCELLED', 'FAILED'))
    RETURNING "runId"`;

/** Parameter: the time now. */
export const RELEASE_ENDED_SQLITE = releaseEnded('?');
export const RELEASE_ENDED_POSTGRESQL = releaseEnded(now);

/** Parameters: new expiry, holder, JSON array of run ids. */
export const RENEW_SQLITE = `
  UPDATE "Lease" SET "expiresAt" = ? WHERE "holder" = ? AND "runId" IN (SELECT value FROM json_each(?))
  RETURNING "runId"`;

/** Parameters: holder, JSON array of run ids, milliseconds. Locks rows in the same order as appends. */
export const RENEW_POSTGRESQL = `
  UPDATE "Lease" SET "expiresAt" = ${newExpiry('$3')} FROM (
    SELECT "runId" FROM "Lease" WHERE "holder" = $1 AND "runId" IN (SELECT jsonb_array_elements_text($2::jsonb))
      ORDER BY "runId" FOR NO KEY UPDATE
  ) AS held WHERE "Lease"."runId" = held."runId" RETURNING "Lease"."runId"`;

/** Milliseconds until the first lease of another holder expires; null when there is none. Parameter: holder. */
export const FIRST_END_POSTGRESQL = `
  SELECT greatest(0, ceil(extract(epoch FROM min("expiresAt") - ${now}) * 1000))::int AS "milliseconds"
    FROM "Lease" WHERE "holder" IS NOT NULL AND "holder" <> $1`;

/** Runs after the tape row is inserted and before the executor's events are. */
export const firstLeaseStatement: BatchStatement = {
  order: 25,
  distinct: null,
  sqlite: rowStatement(
    ['runId', 'holder', 'expiresAt'],
    (row) => `INSERT INTO "Lease" ("runId", "holder", "epoch", "expiresAt", "lost")
    SELECT element."runId", element."holder", 1, element."expiresAt", false FROM ${row}`,
  ),
  postgresql: `INSERT INTO "Lease" ("runId", "holder", "epoch", "expiresAt", "lost")
    SELECT "runId", "holder", 1, ${newExpiry('"milliseconds"')}, false
    FROM jsonb_to_recordset($1::jsonb) AS element("runId" text, "holder" text, "milliseconds" int)`,
};

export const nextLeaseStatement: BatchStatement = {
  order: 25,
  distinct: ['runId'],
  sqlite: rowStatement(
    ['runId', 'holder', 'epoch', 'expiresAt'],
    (row) => `UPDATE "Lease" SET "holder" = element."holder", "epoch" = element."epoch",
      "expiresAt" = element."expiresAt", "lost" = false
    FROM ${row}
    WHERE "Lease"."runId" = element."runId" AND "Lease"."epoch" = element."epoch" - 1 AND "Lease"."holder" IS NULL`,
  ),
  postgresql: `UPDATE "Lease" SET "holder" = element."holder", "epoch" = element."epoch",
      "expiresAt" = ${newExpiry('element."milliseconds"')}, "lost" = false
    FROM jsonb_to_recordset($1::jsonb) AS element("runId" text, "holder" text, "epoch" int, "milliseconds" int)
    WHERE "Lease"."runId" = element."runId" AND "Lease"."epoch" = element."epoch" - 1 AND "Lease"."holder" IS NULL`,
};

/** Changes the lease of one executor. */
const changeOwn = (order: number, change: string): BatchStatement => ({
  order,
  distinct: ['runId'],
  sqlite: rowStatement(
    ['runId', 'epoch'],
    (row) => `UPDATE "Lease" SET ${change} FROM ${row}
    WHERE "Lease"."runId" = element."runId" AND "Lease"."epoch" = element."epoch"`,
  ),
  postgresql: `UPDATE "Lease" SET ${change} FROM jsonb_to_recordset($1::jsonb) AS element("runId" text, "epoch" int)
    WHERE "Lease"."runId" = element."runId" AND "Lease"."epoch" = element."epoch"`,
});

export const clearSuspicionStatement = changeOwn(79, `"suspicion" = 0`);
/** A holder that releases a lease which it had lost before is alive, so that this loss says nothing about its later death. */
export const releaseStatement = changeOwn(
  80,
  `"lostHolder" = nullif("Lease"."lostHolder", "Lease"."holder"), "holder" = NULL, "suspicion" = 0`,
);
export const suspectStatement = changeOwn(81, `"holder" = NULL, "suspicion" = 1`);
