import type { Connection, RunningOperation } from '../connection/connection.ts';
import { withResolvers } from '../connection/socket-link.ts';
import { ActivityDocument, type ActivityFragment, type ActivitySubscription } from '../generated/documents.ts';
import type { RuntapeError } from '../runtape-error.ts';

/** One change of a session, a run or a wait. */
export type ActivityItem = ActivityFragment;

interface FollowOptions {
  after: string | null;
  onItems(items: readonly ActivityItem[]): void;
  /** The feed has reached what was the newest change when it began. From here on no change is missed. */
  onPosition(): void;
  end(error: RuntapeError | null): void;
}

/** Changes in commit order, each once. */
function followActivity(connection: Connection, { after, onItems, onPosition, end }: FollowOptions): RunningOperation {
  let cursor = after;
  return connection.start({
    query: ActivityDocument,
    variables: () => ({ after: cursor }),
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
  join(listener: FeedListener): () => void;
  /** Changes of a caller's own, independent of the lists. */
  read(after: string | null, signal?: AbortSignal): AsyncIterableIterator<ActivityItem>;
}

export function createActivityFeed(connection: Connection): ActivityFeed {
  const listeners = new Set<FeedListener>();
  let operation: RunningOperation | null = null;
  let isReady = false;

  function start(): void {
    isReady = false;
    operation = followActivity(connection, {
      after: null,
      onItems(items) {
        for (const item of items) for (const listener of [...listeners]) listener.onItem(item);
      },
      onPosition() {
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

async function* readActivity(
  connection: Connection,
  after: string | null,
  signal?: AbortSignal,
): AsyncGenerator<ActivityItem, void> {
  let queue: ActivityItem[] = [];
  let failure: RuntapeError | null = null;
  let hasEnded = false;
  let changed = withResolvers<void>();
  const wake = () => changed.resolve();
  const operation = followActivity(connection, {
    after,
    onItems(items) {
      queue.push(...items);
      wake();
    },
    onPosition() {},
    end(error) {
      hasEnded = true;
      failure = error;
      wake();
    },
  });
  signal?.addEventListener('abort', wake);
  try {
    for (;;) {
      signal?.throwIfAborted();
      const items = queue;
      queue = [];
      yield* items;
      if (queue.length > 0) continue;
      if (failure !== null) throw failure;
      if (hasEnded) return;
      await changed.promise;
      changed = withResolvers();
    }
  } finally {
    signal?.removeEventListener('abort', wake);
    operation.stop();
  }
}
