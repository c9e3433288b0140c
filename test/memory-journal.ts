import type { RowWrite } from '../src/database/batch-statement.ts';
import { StoreError } from '../src/database/store-error.ts';
import type { EventType, RecordedEvent } from '../src/domain/events.ts';
import { emptyTape } from '../src/journal/appending/append-plan.ts';
import { createAppender, type PlannedWrite, type TapeStore } from '../src/journal/appending/appender.ts';
import { decode, type StoredEvent } from '../src/journal/codec.ts';
import type { Journal, OnCommitted, TapeHead } from '../src/journal/journal.ts';
import { verifyTape } from '../src/journal/verify.ts';

export interface MemoryJournal extends Journal {
  /** The rows that came with appends, in the order in which they were stored. */
  rows(): RowWrite[];
}

export interface MemoryJournalOptions {
  /** The newest lease of a run, null where it has none. Without it every lease counts. */
  epochOf?(runId: string): number | null;
  /** Names the rule that refuses a row; null where it may be stored. */
  refuse?(write: RowWrite): string | null;
}

interface MemoryTape extends TapeHead {
  /** The event with seq n stands at n - 1. */
  events: StoredEvent[];
}

/** A journal that keeps every promise but durability: it lasts as long as the process. Tests use it. */
export function createMemoryJournal(onRecorded: OnCommitted, options: MemoryJournalOptions = {}): MemoryJournal {
  const tapes = new Map<string, MemoryTape>();
  const rows: RowWrite[] = [];

  function eventsBetween(runId: string, after: number, upTo: number, types?: readonly EventType[]): StoredEvent[] {
    const events = tapes.get(runId)?.events.slice(Math.max(0, after), Math.max(0, upTo)) ?? [];
    return types ? events.filter(({ type }) => types.some((wanted) => wanted === type)) : events;
  }

  const store: TapeStore = {
    async ends(requests) {
      return new Map(requests.map(({ runId }) => [runId, tapes.get(runId) ?? emptyTape]));
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
        tapes.set(runId, { sessionId, ...plan.end, events });
        rows.push(...plan.writes);
      }
    },
  };

  async function head(runId: string): Promise<TapeHead | null> {
    const tape = tapes.get(runId);
    if (!tape) return null;
    const { events: _, ...found } = tape;
    return found;
  }

  async function readStored(runId: string, after: number, limit: number): Promise<StoredEvent[]> {
    return eventsBetween(runId, after, Number.MAX_SAFE_INTEGER).slice(0, limit);
  }

  return {
    ...createAppender(store, onRecorded),
    read: store.read,
    async readBack(runId, { before, limit, types }) {
      return newest(eventsBetween(runId, 0, before - 1, types), limit);
    },
    async readMany(wanted, types) {
      return new Map(
        wanted.map(({ runId, upTo }) => [runId, eventsBetween(runId, 0, upTo, types).map(decode)] as const),
      );
    },
    async readEnds(runIds, count) {
      return new Map(runIds.map((runId) => [runId, newest(tapes.get(runId)?.events ?? [], count)]));
    },
    head,
    verify: (runId) => verifyTape(runId, { readStored, head }, decode),
    forget: (runId) => void tapes.delete(runId),
    rows: () => [...rows],
  };
}

function newest(events: readonly StoredEvent[], count: number): RecordedEvent[] {
  return events.slice(Math.max(0, events.length - count)).map(decode);
}

/** Throws as a database does where a rule of it refuses an append. */
function check({ request, plan }: PlannedWrite, { epochOf, refuse }: MemoryJournalOptions): void {
  const { runId, epoch } = request;
  if (epochOf && epoch !== null && epochOf(runId) !== epoch) throw new StoreError('constraint', 'tape_epoch');
  for (const write of plan.writes) {
    const rule = refuse?.(write) ?? null;
    if (rule !== null) throw new StoreError('constraint', rule);
  }
}
