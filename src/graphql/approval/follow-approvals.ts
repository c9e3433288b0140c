import type { RecordedEvent } from '../../domain/events.ts';
import { timeOfId } from '../../ids.ts';
import { type ApprovalRow, approvalsByIds, openApprovals } from '../../projections/approvals.ts';
import type { FollowDependencies } from '../../streams/follow-run.ts';
import { createLiveStream, type LiveStream, type Source } from '../../streams/live-stream.ts';
import type { RunNotification } from '../../streams/notifications/hub.ts';

interface ApprovalFilter {
  /** Owner of the sessions; null for every owner. */
  owner: string | null;
  /** Null for every session. */
  sessionId: string | null;
}

export interface ApprovalsRequest extends ApprovalFilter {
  signal: AbortSignal;
}

export interface ApprovalsDependencies
  extends Pick<FollowDependencies, 'notifications' | 'clock' | 'pollMilliseconds'> {
  reader: Parameters<typeof openApprovals>[0];
}

/** Rows read at a time, and changed approvals remembered for a slow reader; if there are more, a scan finds them. */
const PAGE = 100;
/** Largest difference between the clocks of two servers. */
const CLOCK_SKEW_MILLISECONDS = 60_000;

/**
 * Every pending approval, oldest first, then each approval when it is requested or settled, with its state at that time. No
 * approval appears twice with the same status. Memory grows with the number of pending approvals only.
 */
export function followApprovals(
  dependencies: ApprovalsDependencies,
  { signal, ...filter }: ApprovalsRequest,
): LiveStream<ApprovalRow> {
  const { clock, pollMilliseconds } = dependencies;
  return createLiveStream(createApprovalSource(dependencies, filter), { clock, pollMilliseconds, signal });
}

/**
 *   scan the pending approvals ──▶ read the approvals that notifications name
 *            ▲                                        │
 *            └── a notification without events, too many changes, or a poll interval without a scan
 */
function createApprovalSource(
  { reader, notifications, clock, pollMilliseconds }: ApprovalsDependencies,
  filter: ApprovalFilter,
): Source<ApprovalRow> {
  const changes = createChangeQueue();
  const scanner = createScanner(reader, filter, changes, clock);
  const changedIds = new Set<string>();
  let isScanDue = true;

  /** Whether there is something to fetch. */
  function receive(notification: RunNotification | null): boolean {
    if (isScanDue) return true;
    if (notification !== null && !concerns(notification, filter.sessionId)) return false;
    const ids = notification?.events?.flatMap(approvalIdOf);
    for (const id of ids ?? []) changedIds.add(id);
    if (ids && changedIds.size <= PAGE) return ids.length > 0;
    changedIds.clear();
    isScanDue = true;
    return true;
  }

  async function readChanged(): Promise<void> {
    const ids = [...changedIds].slice(0, PAGE);
    for (const id of ids) changedIds.delete(id);
    try {
      const rows = await approvalsByIds(reader, filter.owner, ids);
      changes.add(rows.sort((left, right) => (left.id < right.id ? -1 : 1)));
    } catch (error) {
      isScanDue = true;
      throw error;
    }
  }

  return {
    open: (notify) =>
      notifications.onAny((notification) => {
        if (receive(notification)) notify();
      }),
    take() {
      const change = changes.take();
      if (change) return change;
      if (scanner.isRunning() || isScanDue || changedIds.size > 0) return 'fetch';
      return clock.now() - scanner.scannedAt() >= pollMilliseconds ? 'fetch' : 'pending';
    },
    async fetch() {
      if (!scanner.isRunning()) {
        if (changedIds.size > 0) return readChanged();
        isScanDue = false;
      }
      for (const id of await scanner.scanPage()) changedIds.add(id);
    },
    recheck() {
      isScanDue = true;
    },
  };
}

/** Passes over all pending approvals, page by page. Times are epoch milliseconds. */
function createScanner(
  reader: ApprovalsDependencies['reader'],
  { owner, sessionId }: ApprovalFilter,
  changes: ChangeQueue,
  clock: ApprovalsDependencies['clock'],
) {
  let scan: { startedAt: number; afterId: string | null; unmetIds: Set<string> } | null = null;
  let isFirst = true;
  let scannedAt = clock.now();

  return {
    isRunning: () => scan !== null,
    /** When the last complete scan started. */
    scannedAt: () => scannedAt,
    /** Starts or continues a scan. At its end, returns the approvals that are no longer pending although they were before. */
    async scanPage(): Promise<Iterable<string>> {
      scan ??= { startedAt: clock.now(), afterId: null, unmetIds: changes.pendingIds() };
      const { startedAt, afterId, unmetIds } = scan;
      const requestedSince = scannedAt - CLOCK_SKEW_MILLISECONDS;
      const rows = await openApprovals(reader, { owner, sessionId, requestedSince, afterId, limit: PAGE });
      for (const { id } of rows) unmetIds.delete(id);
      const wasSettledBefore = ({ status, requestedAt }: ApprovalRow) =>
        isFirst && status !== 'PENDING' && requestedAt.getTime() <= startedAt;
      changes.add(rows, wasSettledBefore);
      if (rows.length === PAGE) {
        scan = { startedAt, afterId: rows.at(-1)?.id ?? null, unmetIds };
        return [];
      }
      changes.forgetSettledBefore(requestedSince);
      scannedAt = startedAt;
      isFirst = false;
      scan = null;
      return unmetIds;
    },
  };
}

function concerns(notification: RunNotification, sessionId: string | null): boolean {
  const isInSession = sessionId === null || notification.sessionId === sessionId;
  return isInSession && notification.hints.includes('approval');
}

function approvalIdOf(event: RecordedEvent): string[] {
  const isOfApproval = event.type === 'approval_request' || event.type === 'approval_decision';
  return isOfApproval ? [event.payload.approvalId] : [];
}

type ChangeQueue = ReturnType<typeof createChangeQueue>;

/** Changes that the reader has not taken yet, and the last known status of each approval. */
function createChangeQueue() {
  const statuses = new Map<string, ApprovalRow['status']>();
  const queue: ApprovalRow[] = [];
  return {
    take: () => queue.shift(),
    /** Ignores rows without a change. A settled approval stays settled, even if an older read says otherwise. */
    add(rows: readonly ApprovalRow[], isOnlyRemembered: (row: ApprovalRow) => boolean = () => false): void {
      for (const row of rows) {
        const status = statuses.get(row.id);
        if (status !== undefined && (status !== 'PENDING' || row.status === 'PENDING')) continue;
        statuses.set(row.id, row.status);
        if (!isOnlyRemembered(row)) queue.push(row);
      }
    },
    pendingIds: () => new Set([...statuses].flatMap(([id, status]) => (status === 'PENDING' ? [id] : []))),
    /** No later scan returns a settled approval that was requested before this time. */
    forgetSettledBefore(time: number): void {
      for (const [id, status] of statuses) if (status !== 'PENDING' && timeOfId(id) < time) statuses.delete(id);
    },
  };
}
