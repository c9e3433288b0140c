import type { Client, Database } from '../database/database.ts';
import type { Run as StoredRun } from '../database/generated/sqlite/client.ts';
import { type ColumnsOf, columnList, idList, statement } from '../database/statement.ts';
import { keysetQuery, type PageArguments, pageOf, type RowPage } from '../domain/page.ts';
import type { RunStatus } from '../domain/transitions.ts';

export type RunRow = StoredRun;

const active: RunStatus[] = ['IN_PROGRESS', 'AWAITING_APPROVAL'];

const columns: ColumnsOf<RunRow> = {
  id: 'text',
  sessionId: 'text',
  state: 'text',
  turn: 'number',
  urgent: 'boolean',
  input: 'text',
  output: 'text',
  errorCode: 'text',
  errorMessage: 'text',
  errorRetryable: 'boolean',
  cancelReason: 'text',
  agentId: 'text',
  agentVersion: 'number',
  model: 'text',
  retryOf: 'text',
  createdAt: 'time',
  startedAt: 'time',
  endedAt: 'time',
  steps: 'number',
  resumptions: 'number',
  inputTokens: 'number',
  outputTokens: 'number',
  usageEstimated: 'boolean',
  cost: 'number',
};
const byIds = statement(
  columns,
  // No join: a planner could begin with all sessions of the owner.
  ({ inIds }) => `SELECT ${columnList('Run', columns)} FROM "Run" WHERE "id" ${inIds}
    AND (SELECT "owner" FROM "Session" WHERE "id" = "Run"."sessionId") = ?`,
);

export async function runById(database: Database, owner: string, id: string): Promise<RunRow | null> {
  const [run] = await runsByIds(database, owner, [id]);
  return run ?? null;
}

export function runsByIds(database: Database, owner: string, ids: readonly string[]): Promise<RunRow[]> {
  return database.query(byIds, idList(ids), owner);
}

export interface RunsQuery {
  owner: string;
  sessionId?: string;
  states?: readonly RunStatus[];
  createdAfter?: Date;
  createdBefore?: Date;
}

/** Newest first. */
export async function pageRuns(reader: Client, query: RunsQuery, page: PageArguments): Promise<RowPage<RunRow>> {
  const { owner, sessionId, states, createdAfter, createdBefore } = query;
  const filter = {
    session: { owner },
    sessionId,
    ...(states ? { state: { in: [...states] } } : {}),
    ...(createdAfter || createdBefore ? { createdAt: { gt: createdAfter, lt: createdBefore } } : {}),
  };
  const { where, ...rest } = keysetQuery(page, 'newest-first');
  return pageOf(await reader.run.findMany({ where: { ...filter, ...where }, ...rest }), page);
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

/** What a new message to a session finds there. */
export interface OpenRuns {
  /** The run under way, or else the one that is next in line; null where there is none. */
  open: string | null;
  /** Runs that wait. */
  waiting: number;
}

export const noOpenRuns: OpenRuns = { open: null, waiting: 0 };

const ahead = statement<OpenRuns>(
  { open: 'text', waiting: 'number' },
  // However many runs the session has had, only those that are open are looked at.
  ({ by }) => `SELECT "id", count(*) FILTER (WHERE "state" = 'PENDING') OVER ()
    FROM "Run" ${by('Run_open')} WHERE "sessionId" = ? AND "state" IN ('PENDING', 'IN_PROGRESS', 'AWAITING_APPROVAL')
    ORDER BY "state" = 'PENDING', "urgent" DESC, "id" LIMIT 1`,
);

export async function openRunsOf(database: Database, sessionId: string): Promise<OpenRuns> {
  const [found] = await database.query(ahead, sessionId);
  return found ?? noOpenRuns;
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

const between = (order: 'ASC' | 'DESC') =>
  statement<Turn>(
    { runId: 'text', turn: 'number' },
    () =>
      `SELECT "id", "turn" FROM "Run" WHERE "sessionId" = ? AND "turn" >= ? AND "turn" <= ? ORDER BY "turn" ${order} LIMIT ?`,
  );
const turns = { oldest: between('ASC'), newest: between('DESC') };

/** Runs that were shown to the model in a part of a session, both ends inclusive: the oldest or the newest `limit` of them. */
export function runsBetween(
  database: Database,
  sessionId: string,
  { fromTurn, upToTurn }: { fromTurn: number; upToTurn: number },
  { from, limit }: { from: 'oldest' | 'newest'; limit: number },
): Promise<Turn[]> {
  return fromTurn > upToTurn ? Promise.resolve([]) : database.query(turns[from], sessionId, fromTurn, upToTurn, limit);
}

const newest = statement<{ turn: number | null }>(
  { turn: 'number' },
  () => `SELECT coalesce((SELECT max("turn") FROM "Run" WHERE "sessionId" = "Session"."id"), "branchTurn")
    FROM "Session" WHERE "id" = ?`,
);

/** The newest turn of the session; those of a branch go on from where it was branched. */
export async function newestTurn(database: Database, sessionId: string): Promise<number> {
  const [found] = await database.query(newest, sessionId);
  return found?.turn ?? 0;
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

const heads = statement<{ runId: string; head: number }>(
  { runId: 'text', head: 'number' },
  ({ inIds }) => `SELECT "runId", coalesce((SELECT max("seq") FROM "Event" WHERE "Event"."runId" = "Tape"."runId"), 0)
    FROM "Tape" WHERE "runId" ${inIds}`,
);

/** Seq of the newest event of each run. */
export async function headsOf(database: Database, runIds: readonly string[]): Promise<Map<string, number>> {
  const found = await database.query(heads, JSON.stringify(runIds));
  return new Map(found.map(({ runId, head }) => [runId, head]));
}
