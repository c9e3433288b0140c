import type { ActivityItem } from '../../domain/activity.ts';
import type { ApprovalRow } from '../../projections/approvals.ts';
import { formatActivityCursor } from '../../streams/activity/activity-cursor.ts';
import type { Changes } from '../../streams/activity/follow-activity.ts';
import type { Source } from '../../streams/live-stream.ts';

/** An approval that was open when the subscription began, was requested, or was settled. */
export interface ApprovalChange {
  approval: ApprovalRow;
  cursor: string;
  /** True once: the reader has seen everything that was there when the subscription began. */
  caughtUp: boolean;
}

/** Where a follower of approvals begins. */
export type ApprovalsStart =
  /** With the open approvals after one of them, or all of them; then with the changes after the position. */
  | { kind: 'snapshot'; position: number; afterId: string | null }
  /** With the changes after the position that `changes` starts from. */
  | { kind: 'changes' };

export interface ApprovalsDependencies {
  /** Open and settled waits of the viewer, after the position. */
  changes: Source<Changes>;
  /** Open approvals, oldest first, after one of them. */
  openApprovals(afterId: string | null, limit: number): Promise<ApprovalRow[]>;
  approvalsByIds(ids: readonly string[]): Promise<ApprovalRow[]>;
  /** Resolves with the newest position that is visible. */
  newestPosition(): Promise<number>;
}

/** Rows of the snapshot that are read at a time. */
const PAGE = 100;

/**
 * Every open approval, oldest first, and then each one when it is requested or settled:
 *
 *   snapshot: pages of open approvals ──the last page──▶ changes: the feed after the position that the snapshot began at
 *
 * An approval appears at most once as PENDING and once settled. One that is settled before it is read appears settled only.
 */
export function createApprovalSource(
  dependencies: ApprovalsDependencies,
  start: ApprovalsStart,
): Source<ApprovalChange> {
  const { changes, approvalsByIds } = dependencies;
  const snapshot = createSnapshot(dependencies, start);
  let queue: readonly ApprovalChange[] = [];
  /** Changes whose approvals have not been read. */
  let unread: Changes | null = null;
  /** Whether the next approval is the one that sets `caughtUp`. */
  let isCatchingUp = false;
  let isCaughtUp = false;

  /** @param isComplete whether these complete what was there when the subscription began */
  function enqueue(rows: readonly Omit<ApprovalChange, 'caughtUp'>[], isComplete: boolean): void {
    isCatchingUp ||= isComplete && !isCaughtUp;
    const marked = isComplete ? rows.length - 1 : 0;
    queue = rows.map((row, index) => ({ ...row, caughtUp: isCatchingUp && index === marked }));
    if (!isCatchingUp || rows.length === 0) return;
    isCatchingUp = false;
    isCaughtUp = true;
  }

  async function readChanged({ items, caughtUp }: Changes): Promise<void> {
    const ids = [...new Set(items.flatMap(({ waitId }) => waitId ?? []))];
    const rows = new Map((ids.length > 0 ? await approvalsByIds(ids) : []).map((row) => [row.id, row]));
    const current = items.flatMap((item) => {
      const approval = rows.get(item.waitId ?? '');
      if (!approval || snapshot.hasSent(item)) return [];
      // A later change of the feed tells that it was settled.
      if (item.kind === 'WAIT_OPENED' && approval.status !== 'PENDING') return [];
      return [{ approval, cursor: formatActivityCursor(item.position) }];
    });
    enqueue(current, caughtUp && start.kind === 'changes');
  }

  return {
    open: changes.open,
    take() {
      for (;;) {
        const [change, ...others] = queue;
        if (change) {
          queue = others;
          return change;
        }
        if (!snapshot.isComplete() || unread !== null) return 'fetch';
        const taken = changes.take();
        if (taken === 'end' || taken === 'fetch' || taken === 'pending') return taken;
        unread = taken;
      }
    },
    async fetch() {
      if (!snapshot.isComplete()) {
        const rows = await snapshot.readPage();
        enqueue(rows, snapshot.isComplete());
      } else if (unread !== null) {
        await readChanged(unread);
        unread = null;
      } else await changes.fetch();
    },
    recheck: changes.recheck,
  };
}

/** Passes over all open approvals once, page by page. */
function createSnapshot({ openApprovals, newestPosition }: ApprovalsDependencies, start: ApprovalsStart) {
  let afterId = start.kind === 'snapshot' ? start.afterId : null;
  let isComplete = start.kind === 'changes';
  /** Approvals of the snapshot. The feed has those that were requested after its start too. */
  const sentIds = new Set<string>();
  /** The feed has no approval of the snapshot after this position. */
  let end = 0;

  return {
    isComplete: () => isComplete,
    async readPage(): Promise<Omit<ApprovalChange, 'caughtUp'>[]> {
      const position = start.kind === 'snapshot' ? start.position : 0;
      const found = await openApprovals(afterId, PAGE + 1);
      const rows = found.slice(0, PAGE);
      const isLast = found.length <= PAGE;
      if (isLast) end = await newestPosition();
      for (const { id } of rows) sentIds.add(id);
      afterId = rows.at(-1)?.id ?? afterId;
      isComplete = isLast;
      return rows.map((approval, index) => ({
        approval,
        // After the last one, nothing of the snapshot is missing.
        cursor: formatActivityCursor(position, isLast && index === rows.length - 1 ? null : approval.id),
      }));
    },
    /** Whether the approval was sent as PENDING before. To be called for each change, in the order of the feed. */
    hasSent({ kind, waitId, position }: ActivityItem): boolean {
      if (position > end) sentIds.clear();
      return kind === 'WAIT_OPENED' && waitId !== null && sentIds.delete(waitId);
    },
  };
}
