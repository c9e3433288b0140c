import type { RowWrite } from '../database/batch-statement.ts';
import type { Client, Database } from '../database/database.ts';
import type { Approval } from '../database/generated/sqlite/client.ts';
import { allOf, countRows, equals, isOneOf, ofOwner } from '../database/list-query.ts';
import { defineTable } from '../database/table.ts';
import type { ApprovalStatus, SequencedEvent } from '../domain/events.ts';
import { keysetQuery, type PageArguments, pageOf, type RowPage } from '../domain/page.ts';
import type { Run } from '../domain/run.ts';
import { callsOf } from '../domain/step.ts';

export type ApprovalRow = Approval;

const approvals = defineTable<ApprovalRow>('Approval', {
  id: 'text',
  runId: 'text',
  sessionId: 'text',
  callId: 'text',
  tool: 'text',
  callSeq: 'int',
  requestSeq: 'int',
  definitionHash: 'text',
  editedInput: 'text',
  status: '"ApprovalStatus"',
  scope: '"ApprovalScope"',
  grantId: 'text',
  requestedAt: 'timestamp',
  expiresAt: 'timestamp',
  decidedAt: 'timestamp',
  decidedBy: 'text',
  reason: 'text',
});

const insertApproval = approvals.insert({
  order: 60,
  omit: ['editedInput', 'scope', 'grantId', 'decidedAt', 'decidedBy', 'reason'],
});
const settleApproval = approvals.update({
  order: 61,
  key: ['id'],
  set: ['status', 'scope', 'grantId', 'decidedAt', 'decidedBy', 'reason', 'editedInput'],
});

/** Returns the rows of the approvals that the events request or settle. `run` is the fold with the events. */
export function approvalRows(run: Run, events: readonly SequencedEvent[]): RowWrite[] {
  return events.flatMap(({ type, payload, recordedAt, seq }) => {
    if (type === 'approval_request') {
      const call = callsOf(run.step).find(({ callId }) => callId === payload.callId);
      return insertApproval({
        id: payload.approvalId,
        runId: run.runId,
        sessionId: run.origin.sessionId,
        callId: payload.callId,
        tool: call?.tool ?? '',
        callSeq: call?.seq ?? 0,
        requestSeq: seq,
        definitionHash: payload.definitionHash,
        status: 'PENDING',
        requestedAt: recordedAt,
        expiresAt: payload.expiresAt,
      });
    }
    if (type === 'approval_decision') {
      return settleApproval({
        id: payload.approvalId,
        status: payload.status,
        scope: payload.scope,
        grantId: payload.grantId,
        decidedAt: recordedAt,
        decidedBy: payload.decidedBy,
        reason: payload.reason,
        editedInput: payload.editedInput === null ? null : JSON.stringify(payload.editedInput),
      });
    }
    return [];
  });
}

/** Approvals of this owner's runs; null for every owner. */
const ownedBy = (owner: string | null) => (owner === null ? {} : { run: { session: { owner } } });

const byId = approvals.select(() => 'WHERE "id" = ?');

/** Returns an approval of any owner: the caller checks who may see it. */
export async function approvalById(database: Database, id: string): Promise<ApprovalRow | null> {
  const [approval] = await database.query(byId, id);
  return approval ?? null;
}

export function approvalsByIds(reader: Client, owner: string | null, ids: readonly string[]): Promise<ApprovalRow[]> {
  return reader.approval.findMany({ where: { id: { in: [...ids] }, ...ownedBy(owner) } });
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
  return pageOf(await reader.approval.findMany({ where: { ...filter, ...where }, ...rest }), page);
}

/** Counts up to `maximum` approvals. */
export function countApprovals(database: Database, query: ApprovalsQuery, maximum: number): Promise<number> {
  const { owner, statuses, sessionId, tool } = query;
  const condition = allOf([
    ...(owner === null ? [] : [ofOwner('Approval', owner, sessionId !== undefined || statuses !== undefined)]),
    ...equals('"Approval"."sessionId"', sessionId),
    ...equals('"Approval"."tool"', tool),
    ...isOneOf('"Approval"."status"', statuses),
  ]);
  return countRows(database, 'Approval', condition, maximum);
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
export function openApprovals(reader: Client, query: OpenApprovalsQuery): Promise<ApprovalRow[]> {
  const { owner, sessionId, afterId, limit } = query;
  return reader.approval.findMany({
    where: {
      ...ownedBy(owner),
      ...(sessionId === null ? {} : { sessionId }),
      ...(afterId === null ? {} : { id: { gt: afterId } }),
      status: 'PENDING',
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

/** The tools and definitions that pending approvals are about. */
export async function pendingDefinitions(reader: Client): Promise<{ tool: string; definitionHash: string }[]> {
  const groups = await reader.approval.groupBy({
    by: ['tool', 'definitionHash'],
    where: { status: 'PENDING', definitionHash: { not: null } },
  });
  return groups.flatMap(({ tool, definitionHash }) => (definitionHash === null ? [] : [{ tool, definitionHash }]));
}

/** Pending approvals about one definition of a tool, oldest first. */
export function pendingApprovalsAbout(
  reader: Client,
  about: { tool: string; definitionHash: string },
  limit: number,
): Promise<ApprovalRow[]> {
  return reader.approval.findMany({ where: { status: 'PENDING', ...about }, orderBy: { id: 'asc' }, take: limit });
}

/** Pending approvals that have expired, in the order of expiry. */
export function expiredApprovals(reader: Client, now: Date, limit: number): Promise<ApprovalRow[]> {
  return reader.approval.findMany({
    where: { status: 'PENDING', expiresAt: { lte: now } },
    orderBy: { expiresAt: 'asc' },
    take: limit,
  });
}
