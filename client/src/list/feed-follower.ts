import type { ActivityFeed, ActivityItem } from '../activity/activity-feed.ts';
import type { Connection } from '../connection/connection.ts';
import { createSource, type Source } from '../readable.ts';
import type { RuntapeError } from '../runtape-error.ts';
import { catchingUp, failed, type Sync, syncOver } from '../sync.ts';

export interface FeedContext {
  connection: Connection;
  feed: ActivityFeed;
}

interface FeedFollowerOptions extends FeedContext {
  onItem(item: ActivityItem): void;
  /** Reads the value from the gateway. */
  read(): Promise<void>;
}

/** Reads a value when the feed is ready and whenever changes may have been missed, and says how far the value is. */
export interface FeedFollower {
  readonly sync: Source<Sync>;
  /** Returns what ends it. */
  follow(): () => void;
  /** Reads once more, also if a read is under way: that one may have missed the change. Rejects if it fails. */
  reload(): Promise<void>;
  isLoaded(): boolean;
}

export function createFeedFollower({ connection, feed, onItem, read }: FeedFollowerOptions): FeedFollower {
  const sync = createSource<Sync>(catchingUp);
  let failure: RuntapeError | null = null;
  let isLoaded = false;
  let isStale = false;
  let reading: Promise<void> | null = null;

  function update(error = failure): void {
    failure = error;
    sync.set(failure === null ? syncOver(connection.state.get(), isLoaded && feed.isCaughtUp.get()) : failed(failure));
  }

  async function readUntilFresh(): Promise<void> {
    try {
      while (isStale) {
        isStale = false;
        await read();
      }
      isLoaded = true;
      failure = null;
    } catch (error) {
      failure = error as RuntapeError;
      throw error;
    } finally {
      reading = null;
      update();
    }
  }

  function reload(): Promise<void> {
    isStale = true;
    reading ??= readUntilFresh();
    return reading;
  }

  return {
    sync,
    reload,
    isLoaded: () => isLoaded,
    follow() {
      function onReset(): void {
        isLoaded = false;
        update();
        // The failure of a read is in `sync`.
        reload().catch(() => {});
      }
      // A read that began earlier may have set it since.
      isLoaded = false;
      const leave = feed.join({ onItem, onReset, onFailure: update });
      const unsubscribe = [connection.state, feed.isCaughtUp].map(({ subscribe }) => subscribe(() => update()));
      update();
      return () => {
        leave();
        for (const each of unsubscribe) each();
      };
    },
  };
}
