import type { Database } from '../database/database.ts';
import { statement } from '../database/statement.ts';
import type { RunStatus } from '../domain/transitions.ts';
import type { WaitKind } from '../domain/wait.ts';

/** More runs or waits are not counted: the database would read each of them. */
export const COUNTED_RUNS = 100_000;
export const COUNTED_WAITS = 10_000;

const openStates = ['PENDING', 'IN_PROGRESS', 'AWAITING_APPROVAL'] as const satisfies readonly RunStatus[];
export type OpenState = (typeof openStates)[number];

export interface OpenWork {
  /** Runs by state, each up to COUNTED_RUNS. */
  runs: Readonly<Record<OpenState, number>>;
  /** When the oldest run that has not started was created; null if there is none. */
  oldestPending: Date | null;
  /** Of the COUNTED_WAITS that expire first. Kinds without an open wait are missing. */
  waits: readonly { kind: WaitKind; count: number; oldest: Date }[];
}

const countOf = (state: OpenState) =>
  `(SELECT count(*) FROM (SELECT 1 FROM "Run" WHERE "state" = '${state}' LIMIT ${COUNTED_RUNS}) AS "some")`;

const runCounts = statement<Record<OpenState, number>>(
  { PENDING: 'bigint', IN_PROGRESS: 'bigint', AWAITING_APPROVAL: 'bigint' },
  () => `SELECT ${openStates.map(countOf).join(', ')}`,
);

const oldestPending = statement<{ createdAt: Date }>(
  { createdAt: 'timestamp' },
  () => `SELECT "createdAt" FROM "Run" WHERE "state" = 'PENDING' ORDER BY "id" LIMIT 1`,
);

const openWaits = statement<{ kind: WaitKind; count: number; oldest: Date }>(
  { kind: '"WaitKind"', count: 'bigint', oldest: 'timestamp' },
  () => `SELECT "kind", count(*), min("requestedAt") FROM (
      SELECT "kind", "requestedAt" FROM "Wait" WHERE "status" = 'PENDING' ORDER BY "expiresAt" LIMIT ${COUNTED_WAITS}
    ) AS "some" GROUP BY "kind"`,
);

/** What waits or is executed, over all servers of the database. */
export async function openWork(database: Pick<Database, 'query'>): Promise<OpenWork> {
  const [[counts], [oldest], waits] = await Promise.all([
    database.query(runCounts),
    database.query(oldestPending),
    database.query(openWaits),
  ]);
  const runs = counts ?? { PENDING: 0, IN_PROGRESS: 0, AWAITING_APPROVAL: 0 };
  return { runs, oldestPending: oldest?.createdAt ?? null, waits };
}
