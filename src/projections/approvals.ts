import type { Client } from '../database/database.ts';
import type { Approval } from '../database/generated/sqlite/client.ts';
import type { ApprovalStatus } from '../domain/events.ts';
import { keysetPage, type PageArguments, type RowPage } from './keyset-page.ts';

export type ApprovalRow = Approval;

export function approvalById(reader: Client, owner: string, id: string): Promise<ApprovalRow | null> {
  return reader.approval.findFirst({ where: { id, run: { session: { owner } } } });
}

export function approvalsByIds(reader: Client, owner: string, ids: readonly string[]): Promise<ApprovalRow[]> {
  return reader.approval.findMany({ where: { id: { in: [...ids] }, run: { session: { owner } } } });
}

export interface ApprovalsQuery {
  owner: string;
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
    run: { session: { owner } },
    sessionId,
    tool,
    ...(statuses ? { status: { in: [...statuses] } } : {}),
  };
  return keysetPage(page, 'newest-first', ({ where, ...rest }) =>
    reader.approval.findMany({ where: { ...filter, ...where }, ...rest }),
  );
}

/** Every question that waits, oldest first. */
export function waitingApprovals(reader: Client, owner: string, sessionId: string | null): Promise<ApprovalRow[]> {
  return reader.approval.findMany({
    where: { status: 'PENDING', run: { session: { owner } }, ...(sessionId === null ? {} : { sessionId }) },
    orderBy: { id: 'asc' },
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
