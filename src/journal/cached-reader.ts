import type { EventType, RecordedEvent } from '../domain/events.ts';
import { isTerminal } from '../domain/transitions.ts';
import type { Journal, ReadOptions, TapeHead } from './journal.ts';
import type { CachedTape, TapeCache } from './tape-cache.ts';
import type { TapeReader } from './tape-reader.ts';

type Reads = Pick<Journal, 'read' | 'readBack' | 'readMany' | 'readEnds' | 'head'>;

/** Reads cached tapes from the cache and the others from the database. */
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
      const cached = tapes.flatMap(({ runId, after = 0, upTo }) => {
        const tape = find(runId);
        return tape ? [[runId, page(tape.events, { after, upTo, limit: upTo, types })] as const] : [];
      });
      const others = tapes.filter(({ runId }) => find(runId) === null);
      return new Map([...cached, ...(others.length > 0 ? await reader.readMany(others, types) : [])]);
    },
    async readEnds(runIds, count) {
      const cached = runIds.flatMap((runId) => {
        const tape = find(runId);
        return tape ? [[runId, lastOf(tape.events, count)] as const] : [];
      });
      const others = runIds.filter((runId) => find(runId) === null);
      return new Map([...cached, ...(others.length > 0 ? await reader.readEnds(others, count) : [])]);
    },
    async head(runId) {
      const tape = find(runId);
      return tape ? headOf(tape) : reader.head(runId);
    },
  };
}

/** `Journal.read` of a whole tape. */
function page(
  tape: readonly RecordedEvent[],
  { after, upTo = tape.length, limit, types }: ReadOptions,
): RecordedEvent[] {
  if (!types) return tape.slice(after, Math.min(after + limit, upTo));
  return firstOf(tape.slice(after, upTo), limit, types);
}

/** `Journal.readBack` of a whole tape. */
function pageBefore(
  tape: readonly RecordedEvent[],
  { before, limit, types }: Parameters<Journal['readBack']>[1],
): RecordedEvent[] {
  const earlier = tape.slice(0, Math.max(0, before - 1));
  return types ? firstOf(earlier.reverse(), limit, types).reverse() : lastOf(earlier, limit);
}

const lastOf = (events: readonly RecordedEvent[], count: number) => events.slice(Math.max(0, events.length - count));

function firstOf(events: readonly RecordedEvent[], limit: number, types: readonly EventType[]): RecordedEvent[] {
  const matching: RecordedEvent[] = [];
  for (const event of events) {
    if (matching.length === limit) break;
    if (types.includes(event.type)) matching.push(event);
  }
  return matching;
}

function headOf({ sessionId, events }: CachedTape): TapeHead | null {
  const last = events.at(-1);
  if (!last) return null;
  const closed = last.type === 'status' && isTerminal(last.payload.to);
  return { sessionId, head: last.seq, closed, hash: last.hash };
}
