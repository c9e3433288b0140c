import type { RecordedEvent } from '../domain/events.ts';
import type { AppendPlan } from './appending/append-plan.ts';
import type { AppendRequest, Journal } from './journal.ts';

/** Beside its payload, in bytes. */
const EVENT_OVERHEAD = 600;
/** Characters of a text that is not ASCII take two bytes, and objects are larger than their JSON. */
const BYTES_PER_CHARACTER = 2;

/**
 * Tapes that this process wrote from their first event on. Where nobody else writes they are exactly what is stored, and
 * followers and steps that read what was recorded a moment ago read it here, as the same objects.
 */
export interface TapeCache extends Pick<Journal, 'forget'> {
  add(of: Pick<AppendRequest, 'runId' | 'sessionId'>, written: Pick<Written, 'stored' | 'recorded'>): void;
  /** The whole tape; null where it is not known here. */
  find(runId: string): CachedTape | null;
}

export interface CachedTape {
  sessionId: string;
  events: RecordedEvent[];
  /** What it takes, about. */
  bytes: number;
}

type Written = Extract<AppendPlan, { kind: 'write' }>;

/** @param capacityBytes of all tapes together; a quarter of it is the most that one may take */
export function createTapeCache(capacityBytes: number): TapeCache {
  const kept = new Map<string, CachedTape>();
  let bytes = 0;

  function forget(runId: string): void {
    bytes -= kept.get(runId)?.bytes ?? 0;
    kept.delete(runId);
  }

  return {
    forget,
    find: (runId) => kept.get(runId) ?? null,
    add({ runId, sessionId }, { stored, recorded }) {
      const first = recorded[0]?.seq ?? 0;
      const tape = first === 1 ? { sessionId, events: [], bytes: 0 } : kept.get(runId);
      if (!tape || tape.events.length !== first - 1) return forget(runId);
      const added = stored.reduce((sum, { payload }) => sum + EVENT_OVERHEAD + payload.length * BYTES_PER_CHARACTER, 0);
      forget(runId);
      if (tape.bytes + added > capacityBytes / 4) return;
      tape.events.push(...recorded);
      tape.bytes += added;
      kept.set(runId, tape);
      bytes += tape.bytes;
      for (const oldest of kept.keys()) {
        if (bytes <= capacityBytes) break;
        forget(oldest);
      }
    },
  };
}
