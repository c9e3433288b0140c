import type { Connection, RunningOperation } from '../connection/connection.ts';
import { ActivityDocument, type ActivityFragment, type ActivitySubscription } from '../generated/documents.ts';
import { type BatchSource, itemsOf } from '../iterate.ts';
import { createSource, type Readable } from '../readable.ts';
import type { RuntapeError } from '../runtape-error.ts';

/** One change of a session, a run or a wait. */
export type ActivityItem = ActivityFragment;

interface FollowOptions {
  after: string | null;
  /** The feed begins, or begins again on another link. */
  onStart?(): void;
  onItems(items: readonly ActivityItem[]): void;
  /** The feed has reached what was the newest change when it began. From here on no change is missed. */
  onPosition(): void;
  end(error: RuntapeError | null): void;
}

/** Changes in commit order, each once. */
function followActivity(
  connection: Connection,
  { after, onStart, onItems, onPosition, end }: FollowOptions,
): RunningOperation {
  let cursor = after;
  return connection.start({
    query: ActivityDocument,
    variables() {
      onStart?.();
      return { after: cursor };
    },
    next(data) {
      const { activity } = data as ActivitySubscription;
      cursor = activity.cursor;
      if (activity.items.length > 0) onItems(activity.items);
      if (activity.caughtUp) onPosition();
    },
    end,
  });
}

export interface FeedListener {
  onItem(item: ActivityItem): void;
  /** Changes may have been missed: what was read before has to be read again. Also called when the feed is ready first. */
  onReset(): void;
  /** The feed cannot be followed. */
  onFailure(error: RuntapeError): void;
}

/** The feed that all lists share. It is followed while there are listeners. */
export interface ActivityFeed {
  /** Whether every change of the gateway has arrived, as of the newest start of the feed. */
  readonly isCaughtUp: Readable<boolean>;
  join(listener: FeedListener): () => void;
  /** Changes of a caller's own, independent of the lists. */
  read(after: string | null, signal?: AbortSignal): AsyncIterableIterator<ActivityItem>;
}

export function createActivityFeed(connection: Connection): ActivityFeed {
  const listeners = new Set<FeedListener>();
  let operation: RunningOperation | null = null;
  let isReady = false;
  const isCaughtUp = createSource(false);

  function start(): void {
    isReady = false;
    operation = followActivity(connection, {
      after: null,
      onStart: () => isCaughtUp.set(false),
      onItems(items) {
        for (const item of items) for (const listener of [...listeners]) listener.onItem(item);
      },
      onPosition() {
        isCaughtUp.set(true);
        if (isReady) return;
        isReady = true;
        for (const listener of [...listeners]) listener.onReset();
      },
      end(error) {
        // After a long absence the gateway does not have the changes any more: begin now, and read the lists again.
        if (error === null || error.code === 'CURSOR_EXPIRED') return start();
        operation = null;
        for (const listener of [...listeners]) listener.onFailure(error);
      },
    });
  }

  return {
    isCaughtUp,
    join(listener) {
      listeners.add(listener);
      if (operation === null) start();
      else if (isReady) queueMicrotask(() => listeners.has(listener) && listener.onReset());
      return () => {
        if (!listeners.delete(listener) || listeners.size > 0) return;
        operation?.stop();
        operation = null;
      };
    },
    read: (after, signal) => readActivity(connection, after, signal),
  };
}

function readActivity(
  connection: Connection,
  after: string | null,
  signal?: AbortSignal,
): AsyncIterableIterator<ActivityItem> {
  const queue: (readonly ActivityItem[])[] = [];
  let failure: RuntapeError | null = null;
  let hasEnded = false;
  let operation: RunningOperation | null = null;
  const source: BatchSource<readonly ActivityItem[]> = {
    begin(wake) {
      operation = followActivity(connection, {
        after,
        onItems(items) {
          queue.push(items);
          wake();
        },
        onPosition() {},
        end(error) {
          hasEnded = true;
          failure = error;
          wake();
        },
      });
    },
    async take() {
      const items = queue.shift();
      if (items) return items;
      if (failure !== null) throw failure;
      return hasEnded ? null : undefined;
    },
    end: () => operation?.stop(),
  };
  return itemsOf(source, (items) => items, signal);
}
