import type { EventType, RecordedEvent } from '../domain/events.ts';
import { isTerminal } from '../domain/transitions.ts';
import type { Journal, ReadOptions, TapeHead } from './journal.ts';
import type { CachedTape, TapeCache } from './tape-cache.ts';
import type { TapeReader } from './tape-reader.ts';

type Reads = Pick<Journal, 'read' | 'readBack' | 'readMany' | 'readEnds' | 'head'>;

/** Reads what is known here, and looks up the rest. */
export function createCachedReader({ find }: TapeCache, reader: TapeReader): Reads {
  return {
    async read(runId, options) {
      const tape = find(runId);
      return tape ? page(tape.events, options) : reader.read(runId, options);
    },
    async readBack(runId, options) {
      const tape = find(runId);
      return tape ? pageBefore(tape.events, options) : reader.readBack(runId, options);
    },
    async readMany(tapes, types) {
      const known = tapes.flatMap(({ runId, upTo }) => {
        const tape = find(runId);
        return tape ? [[runId, page(tape.events, { after: 0, upTo, limit: upTo, types })] as const] : [];
      });
      const others = tapes.filter(({ runId }) => find(runId) === null);
      return new Map([...known, ...(others.length > 0 ? await reader.readMany(others, types) : [])]);
    },
    async readEnds(runIds, count) {
      const known = runIds.flatMap((runId) => {
        const tape = find(runId);
        return tape ? [[runId, newest(tape.events, count)] as const] : [];
      });
      const others = runIds.filter((runId) => find(runId) === null);
      return new Map([...known, ...(others.length > 0 ? await reader.readEnds(others, count) : [])]);
    },
    async head(runId) {
      const tape = find(runId);
      return tape ? headOf(tape) : reader.head(runId);
    },
  };
}

/** As `Journal.read`, of a whole tape. */
function page(
  tape: readonly RecordedEvent[],
  { after, upTo = tape.length, limit, types }: ReadOptions,
): RecordedEvent[] {
  if (!types) return tape.slice(after, Math.min(after + limit, upTo));
  return firstOf(tape.slice(after, upTo), limit, types);
}

/** As `Journal.readBack`, of a whole tape. */
function pageBefore(
  tape: readonly RecordedEvent[],
  { before, limit, types }: Parameters<Journal['readBack']>[1],
): RecordedEvent[] {
  const earlier = tape.slice(0, Math.max(0, before - 1));
  return types ? firstOf(earlier.reverse(), limit, types).reverse() : newest(earlier, limit);
}

const newest = (events: readonly RecordedEvent[], count: number) => events.slice(Math.max(0, events.length - count));

function firstOf(events: readonly RecordedEvent[], limit: number, types: readonly EventType[]): RecordedEvent[] {
  const found: RecordedEvent[] = [];
  for (const event of events) {
    if (found.length === limit) break;
    if (types.includes(event.type)) found.push(event);
  }
  return found;
}

function headOf({ sessionId, events }: CachedTape): TapeHead | null {
  const last = events.at(-1);
  if (!last) return null;
  const closed = last.type === 'status' && isTerminal(last.payload.to);
  return { sessionId, head: last.seq, closed, hash: last.hash };
}
