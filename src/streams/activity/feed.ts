import type { Clock } from '../../clock.ts';
import { StoreError } from '../../database/store-error.ts';
import type { ActivityItem } from '../../domain/activity.ts';
import type { NotificationHub } from '../notifications/hub.ts';
import { createSettlement, type SettlementOptions } from './settlement.ts';
import { createWindow } from './window.ts';

/** The rows of the feed, of all owners. */
export interface ActivityStore extends Pick<SettlementOptions, 'openWriters'> {
  /** The visible rows after a position, in order. */
  after(position: number, limit: number): Promise<ActivityItem[]>;
  /** The newest position that is visible or was deleted; 0 if there is none. */
  newest(): Promise<number>;
}

/** @param items the new changes, or null if they must be read from the store; @param from the settled position before them */
export type ActivityListener = (items: readonly ActivityItem[] | null, from: number) => void;

/**
 * The changes of all owners in a stable order, for all followers of one server: it reads each change once, when a notification
 * says that there are new ones. No change ever appears at or before a settled position. Changes of one object follow their
 * commits, and those of one run its tape.
 */
export interface ActivityFeed {
  /**
   * Looks for new changes and resolves with the settled position. Changes that were committed before the call are included,
   * unless an open transaction delays them. Rejects with a StoreError.
   */
  catchUp(): Promise<number>;
  /** The settled position. To be called after `catchUp` has resolved once. */
  settled(): number;
  /** All settled changes after a position, if they are in memory; null if they must be read from the store. */
  recent(after: number): readonly ActivityItem[] | null;
  /** Keeps looking for new changes as long as there are listeners. Returns a function that ends the subscription. */
  onChanges(listener: ActivityListener): () => void;
  /** Looks for new changes, unless that was done within half a poll interval: a notification may be lost. */
  recheck(): void;
  close(): Promise<void>;
}

export interface ActivityFeedOptions extends Omit<SettlementOptions, 'clock' | 'openWriters'> {
  store: ActivityStore;
  notifications: Pick<NotificationHub, 'onActivity'>;
  clock: Pick<Clock, 'after' | 'elapsed'>;
  pollMilliseconds: number;
  /** Newest changes that are kept in memory. A follower that is further behind reads pages from the store. */
  windowItems: number;
  /** Is told of the outcome of each read that a notification caused. */
  outage: { failed(error: unknown): void; worked(): void };
}

const PAGE_ITEMS = 500;
/** Pauses between two looks at a transaction that delays the feed. A notification cuts a pause short. */
const FIRST_RETRY_MILLISECONDS = 5;
const LAST_RETRY_MILLISECONDS = 320;

// biome-ignore lint/complexity/noExcessiveLinesPerFunction: the parts share the settled position, and read best in one place.
export function createActivityFeed(options: ActivityFeedOptions): ActivityFeed {
  const { store, notifications, clock, pollMilliseconds, windowItems, outage } = options;
  const settlement = createSettlement({ ...options, openWriters: () => store.openWriters() });
  const window = createWindow(windowItems);
  const listeners = new Set<ActivityListener>();
  const waiting: { resolve(): void; reject(error: unknown): void }[] = [];
  /** Null until the first look at the store is complete. */
  let settled: number | null = null;
  let lastReadAt = Number.NEGATIVE_INFINITY;
  let retryMilliseconds = FIRST_RETRY_MILLISECONDS;
  let cancelRetry: (() => void) | null = null;
  let unsubscribe = () => {};
  let isClosed = false;
  const refresh = createCoalesced(read);

  async function read(): Promise<void> {
    lastReadAt = clock.elapsed();
    if (settled === null) await jump();
    while (settled !== null && (await readPage(settled))) {
      // Without listeners nobody needs the changes in between.
      if (listeners.size === 0) await jump();
    }
  }

  /** Returns whether there may be more. */
  async function readPage(from: number): Promise<boolean> {
    const rows = await store.after(from, PAGE_ITEMS);
    const withoutGap = rows.filter(({ position }, index) => position === from + index + 1);
    advance(from, withoutGap, from + withoutGap.length);
    const last = rows.at(-1);
    if (!last || withoutGap.length === rows.length) {
      retryMilliseconds = FIRST_RETRY_MILLISECONDS;
      return rows.length === PAGE_ITEMS;
    }
    const start = from + withoutGap.length;
    const upTo = await settlement.settle(last.position, start);
    if (upTo === null) {
      retryLater();
      return false;
    }
    const final = await store.after(start, PAGE_ITEMS);
    const end = final.length < PAGE_ITEMS ? upTo : Math.min(upTo, final.at(-1)?.position ?? upTo);
    advance(
      start,
      final.filter(({ position }) => position <= end),
      end,
    );
    return true;
  }

  /** Goes to the newest change without reading those in between. */
  async function jump(): Promise<void> {
    const from = settled;
    const upTo = await settlement.settle(await store.newest(), settled ?? -1);
    if (upTo === null) return retryLater();
    settled = upTo;
    window.clear(upTo);
    for (const { resolve } of waiting.splice(0)) resolve();
    for (const listener of [...listeners]) listener(null, from ?? upTo);
  }

  function advance(from: number, items: readonly ActivityItem[], to: number): void {
    if (to === from) return;
    settled = to;
    if (listeners.size > 0) window.add(items);
    else window.clear(to);
    // A listener may end the subscription of another one.
    for (const listener of [...listeners]) if (listeners.has(listener)) listener(items, from);
  }

  function retryLater(): void {
    if (isClosed || cancelRetry !== null || (settled !== null && listeners.size === 0)) return;
    cancelRetry = clock.after(retryMilliseconds, () => {
      cancelRetry = null;
      refreshInBackground();
    });
    retryMilliseconds = Math.min(2 * retryMilliseconds, LAST_RETRY_MILLISECONDS);
  }

  function refreshInBackground(): void {
    if (isClosed) return;
    refresh().then(outage.worked, (error: unknown) => {
      outage.failed(error);
      for (const { reject } of waiting.splice(0)) reject(error);
    });
  }

  function stopListening(): void {
    unsubscribe();
    unsubscribe = () => {};
    cancelRetry?.();
    cancelRetry = null;
    if (settled !== null) window.clear(settled);
  }

  return {
    async catchUp() {
      await refresh();
      if (settled === null && isClosed) throw stopping();
      if (settled === null) await new Promise<void>((resolve, reject) => waiting.push({ resolve, reject }));
      return settled ?? 0;
    },
    settled: () => settled ?? 0,
    recent: (after) => window.after(after),
    onChanges(listener) {
      if (listeners.size === 0) unsubscribe = notifications.onActivity(refreshInBackground);
      listeners.add(listener);
      // Nobody looked for changes since the caller caught up.
      if (listeners.size === 1) refreshInBackground();
      return () => {
        if (listeners.delete(listener) && listeners.size === 0) stopListening();
      };
    },
    recheck() {
      if (clock.elapsed() - lastReadAt >= pollMilliseconds / 2) refreshInBackground();
    },
    async close() {
      isClosed = true;
      stopListening();
      for (const { reject } of waiting.splice(0)) reject(stopping());
      await refresh.idle();
    },
  };
}

const stopping = () => new StoreError('unavailable', 'the server stops');

/** Runs `work`, or joins the run that starts after the one in progress: its result is never older than the call. */
function createCoalesced(work: () => Promise<void>): (() => Promise<void>) & { idle(): Promise<void> } {
  let current: Promise<void> | null = null;
  let next: Promise<void> | null = null;

  function start(): Promise<void> {
    const run = work().finally(() => {
      if (current === run) current = null;
    });
    current = run;
    return run;
  }

  function request(): Promise<void> {
    if (current === null && next === null) return start();
    next ??= (current ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => {
        next = null;
        return start();
      });
    return next;
  }

  return Object.assign(request, {
    async idle() {
      while (next !== null || current !== null) await (next ?? current)?.catch(() => undefined);
    },
  });
}
