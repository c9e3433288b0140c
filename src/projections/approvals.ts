import type { Client } from '../database/database.ts';
import type { Approval } from '../database/generated/sqlite/client.ts';
import type { ApprovalStatus } from '../domain/events.ts';
import { createIds } from '../ids.ts';
import { keysetPage, type PageArguments, type RowPage } from './keyset-page.ts';

export type ApprovalRow = Approval;

/** Of this owner's runs; null for everybody's. */
const askedBy = (owner: string | null) => (owner === null ? {} : { run: { session: { owner } } });

export function approvalById(reader: Client, owner: string | null, id: string): Promise<ApprovalRow | null> {
  return reader.approval.findFirst({ where: { id, ...askedBy(owner) } });
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
export function pageApprovals(
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
  return keysetPage(page, 'newest-first', ({ where, ...rest }) =>
    reader.approval.findMany({ where: { ...filter, ...where }, ...rest }),
  );
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
