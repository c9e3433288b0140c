import type { Client, Database } from '../database/database.ts';
import type { Approval } from '../database/generated/sqlite/client.ts';
import { type ColumnsOf, columnList, statement } from '../database/statement.ts';
import type { ApprovalStatus } from '../domain/events.ts';
import { keysetQuery, type PageArguments, pageOf, type RowPage } from '../domain/page.ts';
import { createIds } from '../ids.ts';

export type ApprovalRow = Approval;

/** Of this owner's runs; null for everybody's. */
const askedBy = (owner: string | null) => (owner === null ? {} : { run: { session: { owner } } });

const columns: ColumnsOf<ApprovalRow> = {
  id: 'text',
  runId: 'text',
  sessionId: 'text',
  callId: 'text',
  tool: 'text',
  input: 'text',
  editedInput: 'text',
  risk: 'text',
  summary: 'text',
  status: 'text',
  scope: 'text',
  requestedAt: 'time',
  expiresAt: 'time',
  decidedAt: 'time',
  decidedBy: 'text',
  reason: 'text',
};
const byId = statement(columns, () => `SELECT ${columnList('Approval', columns)} FROM "Approval" WHERE "id" = ?`);

/** Whoever may see it: that depends on its session. */
export async function approvalById(database: Database, id: string): Promise<ApprovalRow | null> {
  const [approval] = await database.query(byId, id);
  return approval ?? null;
}

export function approvalsByIds(reader: Client, owner: string | null, ids: readonly string[]): Promise<ApprovalRow[]> {
  return reader.approval.findMany({ where: { id: { in: [...ids] }, ...askedBy(owner) } });
}

export interface ApprovalsQuery {
  /** Null for everybody's. */
  owner: string | null;
  statuses?: readonly ApprovalStatus[];
  sessionId?: string;
  tool?: string;
}

/** Newest first. */
export async function pageApprovals(
  reader: Client,
  query: ApprovalsQuery,
  page: PageArguments,
): Promise<RowPage<ApprovalRow>> {
  const { owner, statuses, sessionId, tool } = query;
  const filter = {
    ...askedBy(owner),
    sessionId,
    tool,
    ...(statuses ? { status: { in: [...statuses] } } : {}),
  };
  const { where, ...rest } = keysetQuery(page, 'newest-first');
  return pageOf(await reader.approval.findMany({ where: { ...filter, ...where }, ...rest }), page);
}

export interface OpenApprovalsQuery {
  /** Null for everybody's. */
  owner: string | null;
  /** Null for every session. */
  sessionId: string | null;
  /** Epoch milliseconds. */
  askedSince: number;
  /** Exclusive; null for the beginning. */
  afterId: string | null;
  limit: number;
}

/** Every question that waits, and those asked lately whatever became of them; oldest first. */
export function openApprovals(reader: Client, query: OpenApprovalsQuery): Promise<ApprovalRow[]> {
  const { owner, sessionId, askedSince, afterId, limit } = query;
  // Ids begin with their time, so that the index on them finds the latest.
  const firstRecent = createIds(() => askedSince)('approval');
  return reader.approval.findMany({
    where: {
      ...askedBy(owner),
      ...(sessionId === null ? {} : { sessionId }),
      ...(afterId === null ? {} : { id: { gt: afterId } }),
      OR: [{ status: 'PENDING' }, { id: { gt: firstRecent } }],
    },
    orderBy: { id: 'asc' },
    take: limit,
  });
}

export function pendingApprovalsOf(reader: Client, runIds: readonly string[]): Promise<ApprovalRow[]> {
  return reader.approval.findMany({
    where: { runId: { in: [...runIds] }, status: 'PENDING' },
    orderBy: { id: 'asc' },
  });
}

/** Questions that nobody answered in time, oldest first, with the session of each. */
export function expiredApprovals(reader: Client, now: Date, limit: number): Promise<ApprovalRow[]> {
  return reader.approval.findMany({
    where: { status: 'PENDING', expiresAt: { lte: now } },
    orderBy: { expiresAt: 'asc' },
    take: limit,
  });
}
