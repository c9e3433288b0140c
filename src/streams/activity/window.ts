import type { ActivityItem } from '../../domain/activity.ts';

/** The newest changes, which all followers share. */
export interface ActivityWindow {
  add(items: readonly ActivityItem[]): void;
  /** Every change after a position; null if older ones than the window has belong to it. */
  after(position: number): readonly ActivityItem[] | null;
  /** Drops everything up to a settled position. */
  clear(settled: number): void;
}

/** @param capacity changes that are kept. Older ones are dropped. */
export function createWindow(capacity: number): ActivityWindow {
  let items: readonly ActivityItem[] = [];
  /** The window has every change after this position. */
  let start = 0;

  return {
    add(added) {
      const all = [...items, ...added];
      const dropped = all.length > capacity ? all.slice(0, -capacity).at(-1) : undefined;
      items = all.slice(-capacity);
      start = dropped?.position ?? start;
    },
    after(position) {
      if (position < start) return null;
      // Most followers are near the end.
      let first = items.length;
      while ((items[first - 1]?.position ?? 0) > position) first -= 1;
      return items.slice(first);
    },
    clear(settled) {
      items = [];
      start = settled;
    },
  };
}
