import type { Client, Database } from '../database/database.ts';
import { keyed, statement } from '../database/statement.ts';
import type { RunStatus } from '../domain/transitions.ts';
import type { RunRow } from './runs.ts';

const active: RunStatus[] = ['IN_PROGRESS', 'AWAITING_APPROVAL'];

/** The active run of each session that has one. */
export function activeRunsOf(reader: Pick<Client, 'run'>, sessionIds: readonly string[]): Promise<RunRow[]> {
  return reader.run.findMany({ where: { sessionId: { in: [...sessionIds] }, state: { in: active } } });
}

/** The newest run of each session that has any. */
export async function lastRunsOf(reader: Client, sessionIds: readonly string[]): Promise<RunRow[]> {
  const newest = await reader.run.groupBy({
    by: ['sessionId'],
    where: { sessionId: { in: [...sessionIds] } },
    _max: { id: true },
  });
  return reader.run.findMany({ where: { id: { in: newest.flatMap(({ _max }) => _max.id ?? []) } } });
}

/** The active run of a session, or else the pending one that starts next. */
export async function openRunOf(reader: Pick<Client, 'run'>, sessionId: string): Promise<RunRow | null> {
  const where = { sessionId, state: 'PENDING' as const };
  // In this order: the second query finds a run that starts between the two.
  const pending = await reader.run.findFirst({ where, orderBy: [{ urgent: 'desc' }, { id: 'asc' }] });
  const [activeRun] = await activeRunsOf(reader, [sessionId]);
  return activeRun ?? pending;
}

/** The open runs of a session, as a new message finds them. */
export interface OpenRuns {
  /** The active run, or else the pending one that starts next; null if there is none. */
  open: string | null;
  /** Number of pending runs. */
  waiting: number;
}

export const noOpenRuns: OpenRuns = { open: null, waiting: 0 };

const openRuns = keyed(
  statement<OpenRuns>(
    { open: 'text', waiting: 'int' },
    // The index holds open runs only, so a session's ended runs cost nothing.
    ({ indexedBy }) => `SELECT "id", count(*) FILTER (WHERE "state" = 'PENDING') OVER ()
    FROM "Run" ${indexedBy('Run_open')} WHERE "sessionId" = ? AND "state" IN ('PENDING', 'IN_PROGRESS', 'AWAITING_APPROVAL')
    ORDER BY "state" = 'PENDING', "urgent" DESC, "id" LIMIT 1`,
  ),
);

export async function openRunsOf(database: Database, sessionId: string): Promise<OpenRuns> {
  const [row] = await database.query(openRuns, sessionId);
  return row ?? noOpenRuns;
}

/** The id of the session's first run after `runId`, in the order of creation; of its first run if `runId` is null. */
export async function nextRunId(reader: Client, sessionId: string, runId: string | null): Promise<string | null> {
  const where = { sessionId, ...(runId === null ? {} : { id: { gt: runId } }) };
  const run = await reader.run.findFirst({ where, orderBy: { id: 'asc' }, select: { id: true } });
  return run?.id ?? null;
}

/** A run, and its position in the history that the model is shown. */
export interface Turn {
  runId: string;
  turn: number;
}

const between = (order: 'ASC' | 'DESC') =>
  keyed(
    statement<Turn>(
      { runId: 'text', turn: 'int' },
      () =>
        `SELECT "id", "turn" FROM "Run" WHERE "sessionId" = ? AND "turn" >= ? AND "turn" <= ? ORDER BY "turn" ${order} LIMIT ?`,
    ),
  );
const turns = { oldest: between('ASC'), newest: between('DESC') };

/** The oldest or the newest `limit` started runs of a session between two turns, both inclusive. */
export function runsBetween(
  database: Database,
  sessionId: string,
  { fromTurn, upToTurn }: { fromTurn: number; upToTurn: number },
  { from, limit }: { from: 'oldest' | 'newest'; limit: number },
): Promise<Turn[]> {
  return fromTurn > upToTurn ? Promise.resolve([]) : database.query(turns[from], sessionId, fromTurn, upToTurn, limit);
}

const newestTurnOf = keyed(
  statement<{ turn: number | null }>(
    { turn: 'int' },
    () => `SELECT coalesce((SELECT max("turn") FROM "Run" WHERE "sessionId" = "Session"."id"), "branchTurn")
    FROM "Session" WHERE "id" = ?`,
  ),
);

/** The newest turn of a session, 0 if it has none. The turns of a branch continue those of its parent. */
export async function newestTurn(database: Database, sessionId: string): Promise<number> {
  const [row] = await database.query(newestTurnOf, sessionId);
  return row?.turn ?? 0;
}

export interface UsageTotals {
  inputTokens: number;
  outputTokens: number;
  estimated: boolean;
  /** Null if no run had a price. */
  cost: number | null;
}

/** Sums the usage of the runs of each session that has any. */
export async function usageOfSessions(
  reader: Client,
  sessionIds: readonly string[],
): Promise<Map<string, UsageTotals>> {
  const where = { sessionId: { in: [...sessionIds] } };
  const sums = await reader.run.groupBy({
    by: ['sessionId'],
    where,
    _sum: { inputTokens: true, outputTokens: true, cost: true },
  });
  const estimates = await reader.run.groupBy({ by: ['sessionId'], where: { ...where, usageEstimated: true } });
  const estimated = new Set(estimates.map(({ sessionId }) => sessionId));
  return new Map(
    sums.map(({ sessionId, _sum }) => [
      sessionId,
      {
        inputTokens: _sum.inputTokens ?? 0,
        outputTokens: _sum.outputTokens ?? 0,
        estimated: estimated.has(sessionId),
        cost: _sum.cost,
      },
    ]),
  );
}
