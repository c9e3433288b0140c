import type { Client, Database } from '../database/database.ts';
import type { Run as StoredRun } from '../database/generated/sqlite/client.ts';
import type { RunStatus } from '../domain/transitions.ts';
import { keysetPage, type PageArguments, type RowPage } from './keyset-page.ts';

export type RunRow = StoredRun;

const active: RunStatus[] = ['IN_PROGRESS', 'AWAITING_APPROVAL'];

export function runById(reader: Client, owner: string, id: string): Promise<RunRow | null> {
  return reader.run.findFirst({ where: { id, session: { owner } } });
}

export function runsByIds(reader: Client, owner: string, ids: readonly string[]): Promise<RunRow[]> {
  return reader.run.findMany({ where: { id: { in: [...ids] }, session: { owner } } });
}

export interface RunsQuery {
  owner: string;
  sessionId?: string;
  states?: readonly RunStatus[];
  createdAfter?: Date;
  createdBefore?: Date;
}

/** Newest first. */
export function pageRuns(reader: Client, query: RunsQuery, page: PageArguments): Promise<RowPage<RunRow>> {
  const { owner, sessionId, states, createdAfter, createdBefore } = query;
  const filter = {
    session: { owner },
    sessionId,
    ...(states ? { state: { in: [...states] } } : {}),
    ...(createdAfter || createdBefore ? { createdAt: { gt: createdAfter, lt: createdBefore } } : {}),
  };
  return keysetPage(page, 'newest-first', ({ where, ...rest }) =>
    reader.run.findMany({ where: { ...filter, ...where }, ...rest }),
  );
}

/** The run under way of each session that has one. */
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

/** The run under way, or else the one that is next in line. */
export async function openRunOf(reader: Pick<Client, 'run'>, sessionId: string): Promise<RunRow | null> {
  const [underway] = await activeRunsOf(reader, [sessionId]);
  const where = { sessionId, state: 'PENDING' as const };
  return underway ?? reader.run.findFirst({ where, orderBy: [{ urgent: 'desc' }, { id: 'asc' }] });
}

export function countWaitingRuns(reader: Client, sessionId: string): Promise<number> {
  return reader.run.count({ where: { sessionId, state: 'PENDING' } });
}

/** The session's first run behind `runId` in the order of creation. */
export async function nextRunId(reader: Client, sessionId: string, runId: string | null): Promise<string | null> {
  const where = { sessionId, ...(runId === null ? {} : { id: { gt: runId } }) };
  const run = await reader.run.findFirst({ where, orderBy: { id: 'asc' }, select: { id: true } });
  return run?.id ?? null;
}

/** Runs that were shown to the model before `turn`, oldest first, at most `limit`. */
export async function earlierRuns(
  reader: Client,
  sessionId: string,
  range: { afterTurn: number; beforeTurn: number; limit: number },
): Promise<RunRow[]> {
  const { afterTurn, beforeTurn, limit } = range;
  const runs = await reader.run.findMany({
    where: { sessionId, turn: { gt: afterTurn, lt: beforeTurn } },
    orderBy: { turn: 'desc' },
    take: limit,
  });
  return runs.reverse();
}

/** Turns that the session has given so far. */
export async function newestTurn(reader: Client, sessionId: string): Promise<number> {
  const newest = await reader.run.aggregate({ where: { sessionId }, _max: { turn: true } });
  return newest._max.turn ?? 0;
}

export interface UsageTotals {
  inputTokens: number;
  outputTokens: number;
  estimated: boolean;
  cost: number | null;
}

/** Sums over the runs of each session that has any. */
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

/** Seq of the newest event of each run. */
export async function headsOf(database: Database, runIds: readonly string[]): Promise<Map<string, number>> {
  const heads = await database.reader.event.groupBy({
    by: ['runId'],
    where: { runId: { in: [...runIds] } },
    _max: { seq: true },
  });
  return new Map(heads.map(({ runId, _max }) => [runId, _max.seq ?? 0]));
}
