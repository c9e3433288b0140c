import type { Database } from '../database/database.ts';
import { statement } from '../database/statement.ts';

const payloadBytesOfRun = (runId: string) =>
  `coalesce((SELECT sum(octet_length("payload")) FROM "Event" WHERE "Event"."runId" = ${runId}), 0)`;
const textBytesOfRun = (runId: string) =>
  `coalesce((SELECT sum(octet_length("content")) FROM "StoredText" WHERE "StoredText"."runId" = ${runId}), 0)`;

/** The payloads of a run's events and its stored texts, in bytes of UTF-8, as SQL. Reads the whole tape. */
const bytesOfRun = (runId: string) => `(${payloadBytesOfRun(runId)} + ${textBytesOfRun(runId)})`;

/**
 * The same of a run whose tape was closed in this transaction. The journal has counted the payloads while it wrote them; those of a
 * run that another server began, or this one before a restart, are read here.
 */
export const bytesOfEndedRun = (runId: string): string => `(
  coalesce((SELECT "payloadBytes" FROM "Tape" WHERE "Tape"."runId" = ${runId}), ${payloadBytesOfRun(runId)}) +
  ${textBytesOfRun(runId)})`;

export interface CountedBytes {
  sessionId: string;
  /** As the session's row has it. */
  counted: number;
  /** As its tapes have it. */
  stored: number;
}

const counts = {
  ...statement<CountedBytes>(
    { sessionId: 'text', counted: 'bigint', stored: 'bigint' },
    () => `SELECT "id", "storedBytes", CAST(coalesce((
        SELECT sum(${bytesOfRun('"Tape"."runId"')}) FROM "Tape" WHERE "Tape"."sessionId" = "Session"."id" AND "Tape"."closed"
      ), 0) AS bigint) FROM "Session" WHERE "id" > ? ORDER BY "id" LIMIT ?`,
  ),
  reads: 'many' as const,
};

const SESSIONS_AT_A_TIME = 100;

/** The sessions whose row counts other bytes than their ended runs have. Each is read in one statement, so servers may write. */
export async function miscountedSessions(database: Database): Promise<CountedBytes[]> {
  const miscounted: CountedBytes[] = [];
  for (let after = ''; ; ) {
    const page = await database.query(counts, after, SESSIONS_AT_A_TIME);
    const last = page.at(-1);
    if (!last) return miscounted;
    miscounted.push(...page.filter(({ counted, stored }) => counted !== stored));
    after = last.sessionId;
  }
}
