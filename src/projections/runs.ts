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
  const where = { sessionId, state: 'PENDING' as const };
  // In this order: one that starts between the two is found by the second.
  const waiting = await reader.run.findFirst({ where, orderBy: [{ urgent: 'desc' }, { id: 'asc' }] });
  const [underway] = await activeRunsOf(reader, [sessionId]);
  return underway ?? waiting;
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

/** A run's place in the history that the model is shown. */
export interface Turn {
  runId: string;
  turn: number;
}

/** Runs that were shown to the model in a part of a session, both ends inclusive: the oldest or the newest `limit` of them. */
export async function runsBetween(
  reader: Client,
  sessionId: string,
  range: { fromTurn: number; upToTurn: number },
  { from, limit }: { from: 'oldest' | 'newest'; limit: number },
): Promise<Turn[]> {
  const runs = await reader.run.findMany({
    where: { sessionId, turn: { gte: range.fromTurn, lte: range.upToTurn } },
    orderBy: { turn: from === 'oldest' ? 'asc' : 'desc' },
    take: limit,
    select: { id: true, turn: true },
  });
  return runs.map(({ id, turn }) => ({ runId: id, turn: turn ?? 0 }));
}

/** The newest turn of the session; those of a branch go on from where it was branched. */
export async function newestTurn(reader: Pick<Client, 'run' | 'session'>, sessionId: string): Promise<number> {
  const newest = await reader.run.aggregate({ where: { sessionId }, _max: { turn: true } });
  if (newest._max.turn !== null) return newest._max.turn;
  const session = await reader.session.findUnique({ where: { id: sessionId }, select: { branchTurn: true } });
  return session?.branchTurn ?? 0;
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
