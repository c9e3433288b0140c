import type { Connection } from '../connection/connection.ts';
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
  /** @param newest the position after these */
  onItems(items: readonly ActivityItem[], newest: string): void;
  /** The feed has reached what was the newest change when it began. From here on no change is missed. */
  onPosition(): void;
  end(error: RuntapeError | null): void;
}

/** Changes in commit order, each once. Returns what stops them. */
function followActivity(
  connection: Connection,
  { after, onStart, onItems, onPosition, end }: FollowOptions,
): () => void {
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
      if (activity.items.length > 0) onItems(activity.items, cursor);
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
}

export function createActivityFeed(connection: Connection): ActivityFeed {
  const listeners = new Set<FeedListener>();
  let stopOperation: (() => void) | null = null;
  let isReady = false;
  const isCaughtUp = createSource(false);

  function start(): void {
    isReady = false;
    stopOperation = followActivity(connection, {
      after: null,
      onStart: () => isCaughtUp.set(false),
      onItems(items) {
        for (const item of items) for (const listener of [...listeners]) listener.onItem(item);
      },
      onPosition() {
        const isFirst = !isReady;
        isReady = true;
        if (isFirst) for (const listener of [...listeners]) listener.onReset();
        isCaughtUp.set(true);
      },
      end(error) {
        // After a long absence the gateway does not have the changes any more, and after it was restored from a backup it does not know
        // the position: begin now, and read the lists again. If that fails too, it is final.
        if (error === null || (isReady && error.code !== 'UNAUTHENTICATED')) return start();
        stopOperation = null;
        for (const listener of [...listeners]) listener.onFailure(error);
      },
    });
  }

  return {
    isCaughtUp,
    join(listener) {
      listeners.add(listener);
      if (stopOperation === null) start();
      else if (isReady) queueMicrotask(() => listeners.has(listener) && listener.onReset());
      return () => {
        if (!listeners.delete(listener) || listeners.size > 0) return;
        stopOperation?.();
        stopOperation = null;
      };
    },
  };
}

/** A reader that lags behind by more than this many changes is sent no more of them until it has taken these. */
const MAX_QUEUED_ITEMS = 1_000;

/** Changes of a caller's own, independent of the lists. */
export function readActivity(
  connection: Connection,
  after: string | null,
  signal?: AbortSignal,
): AsyncIterableIterator<ActivityItem> {
  let queue: ActivityItem[] = [];
  let cursor = after;
  /** Why there are no more; undefined as long as there are. */
  let ending: RuntapeError | null | undefined;
  /** Null before the first `take`, and while the reader lags behind. */
  let stopOperation: (() => void) | null = null;
  let wake = () => {};

  const stop = () => {
    stopOperation?.();
    stopOperation = null;
  };

  function start(): void {
    stopOperation = followActivity(connection, {
      after: cursor,
      onItems(items, newest) {
        queue.push(...items);
        cursor = newest;
        if (queue.length > MAX_QUEUED_ITEMS) stop();
        wake();
      },
      onPosition() {},
      end(error) {
        ending = error;
        wake();
      },
    });
  }

  const source: BatchSource<readonly ActivityItem[]> = {
    begin(wakeReader) {
      wake = wakeReader;
    },
    async take() {
      const items = queue;
      queue = [];
      if (items.length > 0) return items;
      if (ending) throw ending;
      if (ending === undefined && stopOperation === null) start();
      return ending;
    },
    end: stop,
  };
  return itemsOf(source, (items) => items, signal);
}
