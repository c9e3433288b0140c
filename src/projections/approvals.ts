import type { Client, Database } from '../database/database.ts';
import { allOf, countRows, equals, isOneOf, ofOwner } from '../database/list-query.ts';
import type { ApprovalStatus } from '../domain/events.ts';
import { keysetQuery, type PageArguments, pageOf, type RowPage } from '../domain/page.ts';
import { idsOfKind } from '../ids.ts';
import { type WaitRow, waits } from './waits.ts';

/** The row of an approval. It always has a call. */
export type ApprovalRow = WaitRow & {
  kind: 'APPROVAL';
  status: ApprovalStatus;
  callId: string;
  tool: string;
  callSeq: number;
};

export const isApproval = (row: WaitRow): row is ApprovalRow => row.kind === 'APPROVAL';

const approvalsAmong = (rows: readonly WaitRow[]): ApprovalRow[] => rows.filter(isApproval);

/** Approvals of this owner's runs; null for every owner. */
const ownedBy = (owner: string | null) =>
  owner === null ? { kind: 'APPROVAL' as const } : { kind: 'APPROVAL' as const, run: { session: { owner } } };

const byId = waits.select(() => 'WHERE "id" = ?');

/** Returns an approval of any owner: the caller checks who may see it. */
export async function approvalById(database: Database, id: string): Promise<ApprovalRow | null> {
  const [wait] = await database.query(byId, id);
  return wait && isApproval(wait) ? wait : null;
}

export async function approvalsByIds(
  reader: Client,
  owner: string | null,
  ids: readonly string[],
): Promise<ApprovalRow[]> {
  return approvalsAmong(await reader.wait.findMany({ where: { id: { in: [...ids] }, ...ownedBy(owner) } }));
}

export interface ApprovalsQuery {
  /** Null for every owner. */
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
    ...ownedBy(owner),
    sessionId,
    tool,
    ...(statuses ? { status: { in: [...statuses] } } : {}),
  };
  const { where, ...rest } = keysetQuery(page, 'newest-first');
  // The ids of other kinds of waits are beyond: the index on ids does not pass them.
  const among = { id: idsOfKind('approval') };
  return pageOf(
    approvalsAmong(await reader.wait.findMany({ where: { ...filter, AND: [among, where] }, ...rest })),
    page,
  );
}

/** Counts up to `maximum` approvals. */
export function countApprovals(database: Database, query: ApprovalsQuery, maximum: number): Promise<number> {
  const { owner, statuses, sessionId, tool } = query;
  const condition = allOf([
    ...equals('"Wait"."kind"', 'APPROVAL'),
    ...(owner === null ? [] : [ofOwner('Wait', owner, sessionId !== undefined || statuses !== undefined)]),
    ...equals('"Wait"."sessionId"', sessionId),
    ...equals('"Wait"."tool"', tool),
    ...isOneOf('"Wait"."status"', statuses),
  ]);
  return countRows(database, { table: 'Wait', owner: owner ?? '' }, condition, maximum);
}

export interface OpenApprovalsQuery {
  /** Null for every owner. */
  owner: string | null;
  /** Null for every session. */
  sessionId: string | null;
  /** Exclusive; null for the beginning. */
  afterId: string | null;
  limit: number;
}

/** Pending approvals, oldest first. */
export async function openApprovals(reader: Client, query: OpenApprovalsQuery): Promise<ApprovalRow[]> {
  const { owner, sessionId, afterId, limit } = query;
  const rows = await reader.wait.findMany({
    where: {
      ...ownedBy(owner),
      ...(sessionId === null ? {} : { sessionId }),
      ...(afterId === null ? {} : { id: { gt: afterId } }),
      status: 'PENDING',
    },
    orderBy: { id: 'asc' },
    take: limit,
  });
  return approvalsAmong(rows);
}

/** The tools and definitions that pending approvals are about. */
export async function pendingDefinitions(reader: Client): Promise<{ tool: string; definitionHash: string }[]> {
  const groups = await reader.wait.groupBy({
    by: ['tool', 'definitionHash'],
    where: { kind: 'APPROVAL', status: 'PENDING', definitionHash: { not: null } },
  });
  return groups.flatMap(({ tool, definitionHash }) =>
    tool === null || definitionHash === null ? [] : [{ tool, definitionHash }],
  );
}

/** Pending approvals about one definition of a tool, oldest first. */
export async function pendingApprovalsAbout(
  reader: Client,
  about: { tool: string; definitionHash: string },
  limit: number,
): Promise<ApprovalRow[]> {
  const where = { kind: 'APPROVAL', status: 'PENDING', ...about } as const;
  return approvalsAmong(await reader.wait.findMany({ where, orderBy: { id: 'asc' }, take: limit }));
}
