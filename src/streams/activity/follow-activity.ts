import type { ActivityItem } from '../../domain/activity.ts';
import type { Source } from '../live-stream.ts';
import type { ActivityFeed } from './feed.ts';

/** Consecutive changes that one follower wants. */
export interface Changes {
  /** Empty only if `caughtUp` is set. */
  items: readonly ActivityItem[];
  /** The newest position that was read, also of changes that the follower does not want. */
  position: number;
  /** True once: in the batch that reaches the position that the feed had when the follower started. */
  caughtUp: boolean;
}

export interface FollowActivityRequest {
  /** Exclusive. */
  after: number;
  /** The settled position when the follower started. */
  startPosition: number;
  /** At most this many changes in one batch. */
  maxBatch: number;
  isWanted(item: ActivityItem): boolean;
  /**
   * Reads wanted changes from the store, in order, up to a position, the oldest ones if there are more than `limit`. Rejects with
   * a CursorExpiredError if some of them were deleted.
   */
  readPage(after: number, upTo: number, limit: number): Promise<readonly ActivityItem[]>;
}

/** Positions that one page passes at most: few of them may be wanted, and a long read would block SQLite. */
const SCANNED_POSITIONS = 50_000;

/**
 * Takes each wanted change once, from the memory that all followers share, or from the store if the follower is further behind.
 * A follower keeps its position and at most one page, however slow its reader is.
 */
export function createActivitySource(feed: ActivityFeed, request: FollowActivityRequest): Source<Changes> {
  const { startPosition, maxBatch, isWanted, readPage } = request;
  let position = request.after;
  let isCaughtUp = false;
  /** Read from the store and not yet taken. */
  let page: { items: readonly ActivityItem[]; end: number } | null = null;

  /** Null if there is nothing to tell the reader. */
  function batchOf(items: readonly ActivityItem[], end: number): Changes | null {
    position = end;
    const caughtUp = !isCaughtUp && position >= startPosition;
    if (items.length === 0 && !caughtUp) return null;
    isCaughtUp ||= caughtUp;
    return { items, position, caughtUp };
  }

  function takeRecent(recent: readonly ActivityItem[]): Changes | null {
    const wanted = recent.filter(isWanted);
    const taken = wanted.slice(0, maxBatch);
    const end = taken.length < wanted.length ? taken.at(-1)?.position : undefined;
    return batchOf(taken, end ?? feed.settled());
  }

  function takeNext(): Changes | 'fetch' | 'pending' | null {
    if (page !== null) {
      const { items, end } = page;
      page = null;
      return batchOf(items, end);
    }
    if (position >= feed.settled()) return batchOf([], position) ?? 'pending';
    const recent = feed.recent(position);
    return recent === null ? 'fetch' : takeRecent(recent);
  }

  return {
    open: (notify) =>
      feed.onChanges((items, from) => {
        // Changes that the reader does not want must not wake it: a server has many followers.
        const isUnaffected = items !== null && position === from && !items.some(isWanted);
        if (isUnaffected) position = feed.settled();
        else notify();
      }),
    take() {
      for (;;) {
        const taken = takeNext();
        if (taken !== null) return taken;
      }
    },
    async fetch() {
      const upTo = Math.min(feed.settled(), position + SCANNED_POSITIONS);
      const items = await readPage(position, upTo, maxBatch);
      page = { items, end: items.length < maxBatch ? upTo : (items.at(-1)?.position ?? upTo) };
    },
    recheck: feed.recheck,
  };
}
