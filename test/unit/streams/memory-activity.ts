import { setImmediate } from 'node:timers/promises';
import type { OpenWriter } from '../../../src/database/open-writers.ts';
import type { ActivityItem } from '../../../src/domain/activity.ts';
import { CursorExpiredError, formatActivityCursor } from '../../../src/streams/activity/activity-cursor.ts';
import { createActivityFeed } from '../../../src/streams/activity/feed.ts';
import { type Changes, createActivitySource } from '../../../src/streams/activity/follow-activity.ts';
import { createLiveStream, type LiveStream } from '../../../src/streams/live-stream.ts';
import { createNotificationHub } from '../../../src/streams/notifications/hub.ts';
import { createFakeClock } from '../fake-clock.ts';

export const pollMilliseconds = 5000;

interface Transaction {
  /** Takes the next position. */
  insert(owner?: string): number;
  commit(): void;
  rollback(): void;
}

/** A feed in memory whose transactions take positions before they commit, as on Postgres. Time stands still. */
export function createMemoryActivity({ windowItems = 10 } = {}) {
  const clock = createFakeClock();
  const notifications = createNotificationHub();
  const open = new Map<string, number>();
  /**
   * `beforeLocks` is called before the feed learns which transactions are open. What the feed reads is returned when `answer` has
   * resolved.
   */
  const store = { isDown: false, prunedUpTo: 0, beforeLocks: () => {}, answer: Promise.resolve() };
  const delays: number[] = [];
  /** The outcomes of the reads that a notification caused. */
  const outcomes: ('failed' | 'worked')[] = [];
  let rows: ActivityItem[] = [];
  let lastPosition = 0;
  let transactions = 0;
  const reads = { feed: 0, pages: 0, locks: 0 };

  const itemAt = (position: number, owner: string): ActivityItem => ({
    position,
    owner,
    kind: 'SESSION_UPDATED',
    sessionId: `ses_${owner}`,
    runId: null,
    waitId: null,
    state: null,
    occurredAt: new Date(0),
  });

  function begin(): Transaction {
    const pending: ActivityItem[] = [];
    transactions += 1;
    const id = String(transactions);
    return {
      insert(owner = 'ada') {
        open.set(id, clock.elapsed());
        lastPosition += 1;
        pending.push(itemAt(lastPosition, owner));
        return lastPosition;
      },
      commit() {
        rows = [...rows, ...pending].sort((left, right) => left.position - right.position);
        open.delete(id);
      },
      rollback: () => void open.delete(id),
    };
  }

  async function fail(): Promise<void> {
    if (store.isDown)
      throw Object.assign(new Error('the store is down'), { name: 'StoreError', failure: 'unavailable' });
  }

  const feed = createActivityFeed({
    store: {
      async after(position, limit) {
        reads.feed += 1;
        await fail();
        const found = rows.filter((row) => row.position > position).slice(0, limit);
        await store.answer;
        return found;
      },
      newest: async () => Math.max(rows.at(-1)?.position ?? 0, store.prunedUpTo),
      async openWriters(): Promise<OpenWriter[]> {
        reads.locks += 1;
        store.beforeLocks();
        return [...open].map(([id, since]) => ({ id, pid: 1, openSeconds: (clock.elapsed() - since) / 1000 }));
      },
    },
    notifications,
    clock,
    pollMilliseconds,
    windowItems,
    delaySeconds: 5,
    onDelay: ({ openSeconds }) => delays.push(openSeconds),
    outage: { failed: () => void outcomes.push('failed'), worked: () => void outcomes.push('worked') },
  });

  const announce = () => notifications.publishSession('ses');

  return {
    clock,
    notifications,
    feed,
    store,
    reads,
    delays,
    outcomes,
    begin,
    announce,
    /** Commits changes, each in its own transaction, and announces them. */
    change(count = 1, owner = 'ada'): void {
      for (let index = 0; index < count; index += 1) {
        const transaction = begin();
        transaction.insert(owner);
        transaction.commit();
      }
      announce();
    },
    prune(upTo: number): void {
      rows = rows.filter(({ position }) => position > upTo);
      store.prunedUpTo = upTo;
    },
    async follow(after: number | null = null, { owner = 'ada', maxBatch = 100 } = {}): Promise<LiveStream<Changes>> {
      const startPosition = await feed.catchUp();
      const isWanted = (item: ActivityItem) => item.owner === owner;
      const source = createActivitySource(feed, {
        after: after ?? startPosition,
        startPosition,
        maxBatch,
        isWanted,
        async readPage(position, upTo, limit) {
          reads.pages += 1;
          if (position < store.prunedUpTo) throw new CursorExpiredError(formatActivityCursor(position));
          return rows.filter((row) => row.position > position && row.position <= upTo && isWanted(row)).slice(0, limit);
        },
      });
      return createLiveStream(source, { clock, pollMilliseconds, signal: new AbortController().signal });
    },
  };
}

/** Everything that a stream has to tell until it waits. */
export async function read(stream: LiveStream<Changes>): Promise<{ positions: number[]; caughtUp: boolean[] }> {
  const positions: number[] = [];
  const caughtUp: boolean[] = [];
  for (let turn = 0; turn < 20; turn += 1) {
    for (let value = stream.read(); value instanceof Object; value = stream.read()) {
      positions.push(...value.items.map(({ position }) => position));
      caughtUp.push(value.caughtUp);
    }
    await setImmediate();
  }
  return { positions, caughtUp };
}
