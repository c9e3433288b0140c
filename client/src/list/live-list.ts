import type { ActivityItem } from '../activity/activity-feed.ts';
import { createSource, type Readable } from '../readable.ts';
import type { Sync } from '../sync.ts';
import { createFeedFollower, type FeedContext } from './feed-follower.ts';

/** A list that stays right. `loadMore` resolves when the next page is there, or at once at the end. */
export interface LiveList<T> extends Readable<readonly T[]> {
  readonly sync: Readable<Sync>;
  loadMore(): Promise<void>;
  readonly hasMore: Readable<boolean>;
  close(): void;
}

export interface Page<Row> {
  nodes: readonly Row[];
  pageInfo: { hasNextPage: boolean; endCursor: string | null };
}

export interface LiveListContext extends FeedContext {
  /** The list is read again at most once in this time. */
  refreshMilliseconds: number;
}

interface LiveListOptions<Row, Item> extends LiveListContext {
  pageSize: number;
  /** Null while what the list belongs to does not exist. */
  readPage(first: number, after: string | null): Promise<Page<Row> | null>;
  /** Whether the change may concern the list. */
  concerns(item: ActivityItem): boolean;
  /** Makes the item of a row; returns `previous` if it is the same. */
  itemOf(row: Row, previous: Item | undefined): Item;
}

const MAX_PAGE = 100;

/**
 * A list of the gateway, in the gateway's order. After a change that may concern it, the part that is loaded is read again, so it is
 * what a new query would return. It is kept up to date while it has listeners.
 */
export function createLiveList<Row extends { id: string }, Item>(options: LiveListOptions<Row, Item>): LiveList<Item> {
  const { pageSize, refreshMilliseconds } = options;
  const value = createSource<readonly Item[]>([], follow);
  const hasMore = createSource(false);
  let items = new Map<string, Item>();
  let wanted = pageSize;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stop = () => {};

  async function read(): Promise<void> {
    const rows: Row[] = [];
    let after: string | null = null;
    let more = true;
    while (more && rows.length < wanted) {
      const page: Page<Row> | null = await options.readPage(Math.min(MAX_PAGE, wanted - rows.length), after);
      rows.push(...(page?.nodes ?? []));
      after = page?.pageInfo.endCursor ?? null;
      more = page?.pageInfo.hasNextPage ?? false;
    }
    items = new Map(rows.map((row) => [row.id, options.itemOf(row, items.get(row.id))]));
    const [shown, old] = [[...items.values()], value.get()];
    if (shown.length !== old.length || shown.some((item, index) => item !== old[index])) value.set(shown);
    hasMore.set(more);
  }

  const follower = createFeedFollower({
    ...options,
    read,
    onItem(item) {
      if (!options.concerns(item)) return;
      timer ??= setTimeout(() => {
        timer = undefined;
        follower.reload().catch(() => {});
      }, refreshMilliseconds);
    },
  });

  function follow(): () => void {
    const leave = follower.follow();
    stop = () => {
      leave();
      clearTimeout(timer);
      timer = undefined;
    };
    return stop;
  }

  return {
    get: value.get,
    subscribe: value.subscribe,
    sync: follower.sync,
    hasMore,
    async loadMore() {
      if (follower.isLoaded()) {
        if (!hasMore.get()) return;
        wanted += pageSize;
      }
      await follower.reload();
    },
    close: () => stop(),
  };
}
