import type { Database, Provider } from '../../../src/database/database.ts';

/** What differs between the stores in the statements that fill them. */
const dialects: Record<
  Provider,
  { enumOf(type: string, value: string): string; time(seconds: string): string; token: string }
> = {
  sqlite: {
    enumOf: (_type, value) => value,
    time: (seconds) => `strftime('%Y-%m-%dT%H:%M:%S.000+00:00', 1767225600 + ${seconds}, 'unixepoch')`,
    token: `char(57344) || lower(hex('owner_' || (i % 50)))`,
  },
  postgresql: {
    enumOf: (type, value) => `(${value})::"${type}"`,
    time: (seconds) => `timestamp '2026-01-01' + (${seconds}) * interval '1 second'`,
    token: `chr(57344) || encode(convert_to('owner_' || (i % 50), 'UTF8'), 'hex')`,
  },
};

const SESSIONS = 2000;
const RUNS = 4 * SESSIONS;

/** The beginning of an id, which says when it was created: on the first of January 2026. */
const PREFIX = '01KDVDNA00000000000';

/** Identifies the rows with this number. */
export const idOf = (kind: 'ses' | 'run' | 'apr', number: number) => `${kind}_${PREFIX}${1_000_000 + number}`;
const sqlId = (kind: string, number: string) => `'${kind}_${PREFIX}' || (1000000 + ${number})`;

/**
 * Fills a database: 50 owners with 40 sessions each, 4 runs and 12 events a session. Of 20 sessions, the last run of one is
 * PENDING, of one IN_PROGRESS, and of one AWAITING_APPROVAL; all other runs are DONE. Session n has the runs n, n + 2000, …
 */
export async function fillDatabase({ provider, write }: Database): Promise<void> {
  // On a busy machine a server's time-out for statements would end one that inserts all rows of a table.
  const starts = Array.from({ length: RUNS / SESSIONS }, (_, round) => round * SESSIONS);
  await write(async (client) => {
    for (const sql of sessionStatements(provider)) await client.$executeRawUnsafe(sql);
    for (const sql of starts.flatMap((first) => runStatements(provider, first))) await client.$executeRawUnsafe(sql);
    // Postgres plans by its statistics. SQLite has none, on servers too.
    if (provider === 'postgresql') await client.$executeRawUnsafe('ANALYZE');
  });
}

/** The table `n` of as many numbers as there are sessions. */
const numbersFrom = (first: number) =>
  `WITH RECURSIVE n(i) AS (SELECT ${first} UNION ALL SELECT i + 1 FROM n WHERE i < ${first + SESSIONS - 1})`;

function sessionStatements(provider: Provider): string[] {
  const { time } = dialects[provider];
  const numbers = numbersFrom(0);
  return [
    `INSERT INTO "Session" ("id", "owner", "key", "createdAt", "activeAt", "resetTurn", "useCompaction", "parentId", "branchRunId", "branchSeq", "branchTurn")
      ${numbers} SELECT ${sqlId('ses', 'i')}, 'owner_' || (i % 50), 'key_' || i, ${time('i')}, ${time('i')}, 0, true,
        CASE WHEN i % 10 = 1 THEN ${sqlId('ses', '(i - 1)')} END, CASE WHEN i % 10 = 1 THEN ${sqlId('run', '(i - 1)')} END,
        CASE WHEN i % 10 = 1 THEN 1 END, CASE WHEN i % 10 = 1 THEN 0 END FROM n`,
    `INSERT INTO "SessionMetadata" ("sessionId", "digest", "owner")
      ${numbers} SELECT ${sqlId('ses', 'i')}, 'digest_' || (i % 7), 'owner_' || (i % 50) FROM n`,
  ];
}

/** Inserts of one run of every session, and of the rows that belong to it. */
function runStatements(provider: Provider, first: number): string[] {
  const { enumOf, time, token } = dialects[provider];
  const numbers = numbersFrom(first);
  const isLast = `i >= ${RUNS - SESSIONS}`;
  const state = `CASE WHEN ${isLast} AND i % 20 = 0 THEN 'PENDING' WHEN ${isLast} AND i % 20 = 1 THEN 'IN_PROGRESS'
    WHEN ${isLast} AND i % 20 = 2 THEN 'AWAITING_APPROVAL' ELSE 'DONE' END`;
  return [
    `INSERT INTO "Tape" ("runId", "sessionId", "closed")
      ${numbers} SELECT ${sqlId('run', 'i')}, ${sqlId('ses', `(i % ${SESSIONS})`)}, false FROM n`,
    `INSERT INTO "Run" ("id", "sessionId", "state", "turn", "urgent", "input", "createdAt", "steps", "resumptions", "inputTokens", "outputTokens", "usageEstimated")
      ${numbers} SELECT ${sqlId('run', 'i')}, ${sqlId('ses', `(i % ${SESSIONS})`)}, ${enumOf('RunState', state)},
        CASE WHEN ${isLast} AND i % 20 = 0 THEN NULL ELSE i / ${SESSIONS} + 1 END, false, 'hello', ${time('i')}, 1, 0, 1, 1, false FROM n`,
    `INSERT INTO "RunMetadata" ("runId", "digest", "owner")
      ${numbers} SELECT ${sqlId('run', 'i')}, 'digest_' || (i % 7), 'owner_' || (i % 50) FROM n`,
    ...[1, 2, 3].map(
      (
        seq,
      ) => `INSERT INTO "Event" ("runId", "seq", "type", "actor", "schemaVersion", "recordedAt", "epoch", "payload", "hash")
      ${numbers} SELECT ${sqlId('run', 'i')}, ${seq}, 'output_delta', 'MODEL', 1, i, NULL, '{"step":1,"text":"x"}', 'hash' FROM n`,
    ),
    `INSERT INTO "Lease" ("runId", "holder", "epoch", "expiresAt", "lost")
      ${numbers} SELECT ${sqlId('run', 'i')}, CASE WHEN ${isLast} AND i % 20 = 1 THEN 'srv_' || (i % 3) END, 1,
        ${time('CASE WHEN i % 40 = 1 THEN -100000000 ELSE 100000000 END')}, false FROM n WHERE NOT (${isLast} AND i % 20 = 0)`,
    `INSERT INTO "Activity" ("owner", "kind", "sessionId", "runId", "waitId", "occurredAt")
      ${numbers} SELECT 'owner_' || (i % 50), ${enumOf('ActivityKind', `CASE WHEN i % 20 = 2 THEN 'WAIT_OPENED' ELSE 'RUN_CREATED' END`)},
        ${sqlId('ses', `(i % ${SESSIONS})`)}, ${sqlId('run', 'i')}, CASE WHEN i % 20 = 2 THEN ${sqlId('apr', 'i')} END, ${time('i')} FROM n`,
    `INSERT INTO "Wait" ("id", "kind", "runId", "sessionId", "callId", "tool", "callSeq", "requestSeq", "definitionHash", "status", "requestedAt", "expiresAt")
      ${numbers} SELECT ${sqlId('apr', 'i')}, ${enumOf('WaitKind', "'APPROVAL'")}, ${sqlId('run', 'i')}, ${sqlId('ses', `(i % ${SESSIONS})`)}, 'call_' || i, 'tool', 5, 7,
        'hash', ${enumOf('WaitStatus', `CASE WHEN ${isLast} AND i % 20 = 2 THEN 'PENDING' ELSE 'ALLOWED' END`)},
        ${time('i')}, ${time('i + 86400')} FROM n`,
    `INSERT INTO "Passage" ("sourceId", "seq", "part", "start", "sessionId", "words")
      ${numbers} SELECT ${sqlId('run', 'i')}, 1, 0, 0, ${sqlId('ses', `(i % ${SESSIONS})`)}, ${token} || ' word' || (i % 997) || ' common' FROM n`,
  ];
}
