import { LRUCache } from 'lru-cache';
import type { AppendRequest } from './journal.ts';
import type { CachedHead } from './plan-appends.ts';

/** Heads of recently written tapes. They may be out of date: the database refuses an append that relies on an old head. */
export interface HeadCache {
  /** Reads the heads that are not cached and those that are older than a request expects. Leaves out empty tapes. */
  load(requests: readonly AppendRequest[]): Promise<ReadonlyMap<string, CachedHead>>;
  set(runId: string, head: CachedHead): void;
  delete(runId: string): void;
}

export function createHeadCache(options: {
  read(runIds: string[]): Promise<Map<string, CachedHead>>;
  /** The largest number of tapes. The least recently used head is dropped first. */
  capacity: number;
}): HeadCache {
  const cache = new LRUCache<string, CachedHead>({ max: options.capacity });

  return {
    async load(requests) {
      const missing = new Set<string>();
      for (const { runId, expectedHead } of requests) {
        // A tape that is not cached is taken to be empty if the request expects that: the database refuses a second first event.
        if ((cache.get(runId)?.seq ?? 0) < expectedHead) missing.add(runId);
      }
      const heads = missing.size > 0 ? await options.read([...missing]) : new Map<string, CachedHead>();
      for (const { runId } of requests) {
        const head = cache.get(runId);
        if (head && !missing.has(runId)) heads.set(runId, head);
      }
      return heads;
    },
    set: (runId, head) => void cache.set(runId, head),
    delete: (runId) => void cache.delete(runId),
  };
}
