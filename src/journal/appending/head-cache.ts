import type { AppendRequest } from '../journal.ts';
import type { CachedHead } from './append-plan.ts';

/** Ends of tapes that were written lately. A guess: the database is the judge of every append. */
export interface HeadCache {
  /** Reads those that are not known, and those that are behind what a request has seen. */
  load(requests: readonly AppendRequest[]): Promise<ReadonlyMap<string, CachedHead>>;
  remember(runId: string, end: CachedHead): void;
  forget(runId: string): void;
}

export function createHeadCache(options: {
  read(runIds: string[]): Promise<Map<string, CachedHead>>;
  /** Tapes whose end is kept; of more, those that were not written for the longest time are dropped. */
  capacity: number;
}): HeadCache {
  const kept = new Map<string, CachedHead>();

  return {
    async load(requests) {
      const unknown = new Set<string>();
      for (const { runId, expectedHead } of requests) {
        // A tape that nobody has seen is taken for new: its first event would be refused where it is not.
        if ((kept.get(runId)?.head ?? 0) < expectedHead) unknown.add(runId);
      }
      const ends = unknown.size > 0 ? await options.read([...unknown]) : new Map<string, CachedHead>();
      for (const { runId } of requests) {
        const end = kept.get(runId);
        if (end && !unknown.has(runId)) ends.set(runId, end);
      }
      return ends;
    },
    remember(runId, end) {
      kept.delete(runId);
      kept.set(runId, end);
      const [oldest] = kept.keys();
      if (kept.size > options.capacity && oldest !== undefined) kept.delete(oldest);
    },
    forget: (runId) => void kept.delete(runId),
  };
}
