import { systemClock } from '../src/clock.ts';
import type { RowWrite } from '../src/database/batch-statement.ts';
import { StoreError } from '../src/database/store-error.ts';
import type { EventType, RecordedEvent } from '../src/domain/events.ts';
import { createAppender, type PlannedWrite, type TapeStore } from '../src/journal/appender.ts';
import { decode, type StoredEvent } from '../src/journal/codec.ts';
import type { Journal, OnCommitted, TapeHead } from '../src/journal/journal.ts';
import { emptyTape } from '../src/journal/plan-appends.ts';
import { verifyTape } from '../src/journal/verify.ts';

export interface MemoryJournal extends Journal {
  /** The rows of all appends, in the order in which they were stored. */
  rows(): RowWrite[];
}

export interface MemoryJournalOptions {
  /** The epoch of the run's newest lease; null if the run has none. Without this function every epoch is accepted. */
  epochOf?(runId: string): number | null;
  /** The name of the rule that refuses a row; null if it may be stored. */
  refuse?(write: RowWrite): string | null;
}

interface MemoryTape extends TapeHead {
  /** The event with seq n has the index n - 1. */
  events: StoredEvent[];
}

/** A journal for tests that keeps every promise of `Journal` but durability. */
export function createMemoryJournal(onCommitted: OnCommitted, options: MemoryJournalOptions = {}): MemoryJournal {
  const tapes = new Map<string, MemoryTape>();
  const rows: RowWrite[] = [];

  function eventsBetween(runId: string, after: number, upTo: number, types?: readonly EventType[]): StoredEvent[] {
    const events = tapes.get(runId)?.events.slice(Math.max(0, after), Math.max(0, upTo)) ?? [];
    return types ? events.filter(({ type }) => types.some((each) => each === type)) : events;
  }

  const store: TapeStore = {
    async heads(requests) {
      return new Map(
        requests.map(({ runId }) => {
          const tape = tapes.get(runId);
          return [
            runId,
            tape ? { seq: tape.head, hash: tape.hash, closed: tape.closed, payloadBytes: null } : emptyTape,
          ];
        }),
      );
    },
    async read(runId, { after, upTo = Number.MAX_SAFE_INTEGER, limit, types }) {
      return eventsBetween(runId, after, upTo, types).slice(0, limit).map(decode);
    },
    async write(appends) {
      for (const append of appends) check(append, options);
      for (const { request, plan } of appends) {
        const { runId, sessionId } = request;
        const events = tapes.get(runId)?.events ?? [];
        events.push(...plan.stored);
        const { seq, hash, closed } = plan.head;
        tapes.set(runId, { sessionId, head: seq, hash, closed, events });
        rows.push(...plan.writes);
      }
    },
  };

  async function head(runId: string): Promise<TapeHead | null> {
    const tape = tapes.get(runId);
    if (!tape) return null;
    const { events: _, ...tapeHead } = tape;
    return tapeHead;
  }

  async function readStored(runId: string, after: number, limit: number): Promise<StoredEvent[]> {
    return eventsBetween(runId, after, Number.MAX_SAFE_INTEGER).slice(0, limit);
  }

  return {
    ...createAppender(store, onCommitted, systemClock),
    read: store.read,
    async readBack(runId, { before, limit, types }) {
      return lastOf(eventsBetween(runId, 0, before - 1, types), limit);
    },
    async readMany(requested, types) {
      return new Map(
        requested.map(
          ({ runId, after = 0, upTo }) => [runId, eventsBetween(runId, after, upTo, types).map(decode)] as const,
        ),
      );
    },
    async readEnds(runIds, count) {
      return new Map(runIds.map((runId) => [runId, lastOf(tapes.get(runId)?.events ?? [], count)]));
    },
    head,
    verify: (runId) => verifyTape(runId, { readStored, head }, decode),
    forget: (runId) => void tapes.delete(runId),
    rows: () => [...rows],
  };
}

function lastOf(events: readonly StoredEvent[], count: number): RecordedEvent[] {
  return events.slice(Math.max(0, events.length - count)).map(decode);
}

/** Throws the StoreError of a database whose rule refuses the append. */
function check({ request, plan }: PlannedWrite, { epochOf, refuse }: MemoryJournalOptions): void {
  const { runId, epoch } = request;
  if (epochOf && epoch !== null && epochOf(runId) !== epoch) throw new StoreError('constraint', 'tape_epoch');
  for (const write of plan.writes) {
    const rule = refuse?.(write) ?? null;
    if (rule !== null) throw new StoreError('constraint', rule);
  }
}
