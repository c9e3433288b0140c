import type { ActivityFeed, ActivityItem } from '../activity/activity-feed.ts';
import type { Connection } from '../connection/connection.ts';
import { createSource, type Readable } from '../readable.ts';
import type { RuntapeError } from '../runtape-error.ts';
import { catchingUp, live, type Sync } from '../sync.ts';

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

export interface LiveListContext {
  connection: Connection;
  feed: ActivityFeed;
  /** The list is read again at most once in this time. */
  refreshMilliseconds: number;
}

interface LiveListOptions<Row, Item> extends LiveListContext {
  pageSize: number;
  /** Null while what the list belongs to does not exist. */
  readPage(first: number, after: string | null): Promise<Page<Row> | null>;
  /** Whether the change may concern the list. */
  concerns(item: ActivityItem): boolean;
  idOf(row: Row): string;
  /** Makes the item of a row; returns `previous` if it is the same. */
  itemOf(row: Row, previous: Item | undefined): Item;
}

const MAX_PAGE = 100;

/**
 * A list of the gateway, in the gateway's order. After a change that may concern it, the part that is loaded is read again, so it is
 * what a new query would return. It is kept up to date while it has listeners.
 */
export function createLiveList<Row, Item>(options: LiveListOptions<Row, Item>): LiveList<Item> {
  const { connection, feed, pageSize, idOf } = options;
  const value = createSource<readonly Item[]>([], follow);
  const sync = createSource<Sync>(catchingUp, () => value.subscribe(() => {}));
  const hasMore = createSource(false);
  let items = new Map<string, Item>();
  let wanted = pageSize;
  let isClosed = false;
  let isLoaded = false;
  let failure: RuntapeError | null = null;
  let reading: Promise<void> | null = null;
  let isStale = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function updateSync(): void {
    const link = connection.state.get();
    if (failure !== null) sync.set({ state: 'offline', since: new Date(), nextAttemptAt: null, error: failure });
    else if (link.state === 'offline') sync.set(link);
    else sync.set(isLoaded && !isStale && link.state === 'open' ? live : catchingUp);
  }

  async function readAll(): Promise<void> {
    const rows: Row[] = [];
    let after: string | null = null;
    let more = true;
    while (more && rows.length < wanted) {
      const page: Page<Row> | null = await options.readPage(Math.min(MAX_PAGE, wanted - rows.length), after);
      rows.push(...(page?.nodes ?? []));
      after = page?.pageInfo.endCursor ?? null;
      more = page?.pageInfo.hasNextPage ?? false;
    }
    show(rows);
    hasMore.set(more);
  }

  function show(rows: readonly Row[]): void {
    const next = new Map<string, Item>();
    for (const row of rows) next.set(idOf(row), options.itemOf(row, items.get(idOf(row))));
    items = next;
    const shown = [...next.values()];
    const old = value.get();
    if (shown.length !== old.length || shown.some((item, index) => item !== old[index])) value.set(shown);
  }

  /** Reads the list once more after a read that is under way, which may have missed the change. */
  function refresh(): Promise<void> {
    isStale = true;
    reading ??= (async () => {
      try {
        while (isStale && !isClosed) {
          isStale = false;
          await readAll();
          isLoaded = true;
          failure = null;
        }
      } catch (error) {
        failure = error as RuntapeError;
      } finally {
        reading = null;
        updateSync();
      }
    })();
    return reading;
  }

  function follow(): () => void {
    if (isClosed) return () => {};
    const leave = feed.join({
      onItem(item) {
        if (!options.concerns(item) || timer !== undefined) return;
        timer = setTimeout(() => {
          timer = undefined;
          void refresh();
        }, options.refreshMilliseconds);
      },
      onReset: () => void refresh(),
      onFailure(error) {
        failure = error;
        updateSync();
      },
    });
    const unsubscribe = connection.state.subscribe(updateSync);
    updateSync();
    stop = () => {
      leave();
      unsubscribe();
      clearTimeout(timer);
      timer = undefined;
      isLoaded = false;
    };
    return stop;
  }
  let stop = () => {};

  return {
    get: value.get,
    subscribe: value.subscribe,
    sync,
    hasMore,
    async loadMore() {
      if (isLoaded && !hasMore.get()) return;
      if (isLoaded) wanted += pageSize;
      await refresh();
      if (failure !== null) throw failure;
    },
    close() {
      isClosed = true;
      stop();
    },
  };
}
