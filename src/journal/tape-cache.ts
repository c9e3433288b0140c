import { LRUCache } from 'lru-cache';
import type { RecordedEvent } from '../domain/events.ts';
import type { PlannedWrite } from './appender.ts';
import type { Journal } from './journal.ts';

/** Estimated size of an event without its payload. */
const EVENT_OVERHEAD_BYTES = 600;
/** Text outside of Latin-1 takes two bytes for each character, and parsed JSON is larger than its text. */
const BYTES_PER_CHARACTER = 2;

/**
 * Tapes that this process has written from their first event on. If no other server writes, they equal what is stored, so that
 * followers and steps read recent events without a query, as the same objects.
 */
export interface TapeCache extends Pick<Journal, 'forget'> {
  /** Adds the events of an append. Drops the tape if the cache lacks the events before them, or if the tape has become too large. */
  add(request: Pick<PlannedWrite['request'], 'runId' | 'sessionId'>, events: Written): void;
  /** Hides tapes while a commit writes to them: until its outcome is known, only the database knows where they end. */
  hide(runIds: readonly string[]): void;
  show(runIds: readonly string[]): void;
  /** The whole tape; null if it is hidden or not cached. */
  find(runId: string): CachedTape | null;
}

export interface CachedTape {
  sessionId: string;
  events: RecordedEvent[];
  /** Estimated. */
  bytes: number;
}

type Written = Pick<PlannedWrite['plan'], 'stored' | 'recorded'>;

/** @param capacityBytes for all tapes together. A single tape may take a quarter of it. */
export function createTapeCache(capacityBytes: number): TapeCache {
  const cache = new LRUCache<string, CachedTape>({
    maxSize: capacityBytes,
    maxEntrySize: capacityBytes / 4,
    sizeCalculation: ({ bytes }) => bytes,
  });
  const hidden = new Set<string>();

  return {
    forget: (runId) => void cache.delete(runId),
    hide(runIds) {
      for (const runId of runIds) hidden.add(runId);
    },
    show(runIds) {
      for (const runId of runIds) hidden.delete(runId);
    },
    find: (runId) => (hidden.has(runId) ? null : (cache.get(runId) ?? null)),
    add({ runId, sessionId }, { stored, recorded }) {
      const firstSeq = recorded[0]?.seq ?? 0;
      const tape = firstSeq === 1 ? { sessionId, events: [], bytes: 0 } : cache.get(runId);
      if (!tape || tape.events.length !== firstSeq - 1) return void cache.delete(runId);
      const bytes = stored.reduce((sum, event) => sum + sizeOf(event), tape.bytes);
      tape.events.push(...recorded);
      // The cache measures an entry only when it is another object.
      cache.set(runId, { ...tape, bytes });
    },
  };
}

const sizeOf = ({ payload }: { payload: string }) => EVENT_OVERHEAD_BYTES + payload.length * BYTES_PER_CHARACTER;
