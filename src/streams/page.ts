import type { EventType, RecordedEvent } from '../domain/events.ts';
import type { Journal } from '../journal/journal.ts';

export interface PageRequest {
  runId: string;
  /** Exclusive. */
  after: number;
  /** Exclusive; `Number.MAX_SAFE_INTEGER` for no bound. */
  before: number;
  size: number;
  /** The end of the range that the page is taken from. */
  from: 'start' | 'end';
  types?: readonly EventType[];
}

export interface Page {
  events: RecordedEvent[];
  hasNextPage: boolean;
  hasPreviousPage: boolean;
}

/** Events of one tape between two positions, oldest first, at most `size` of them. */
export async function readPage(journal: Journal, request: PageRequest): Promise<Page> {
  const { runId, after, before, size, from, types } = request;
  const limit = size + 1;
  if (from === 'start') {
    const events = await journal.read(runId, { after, upTo: before - 1, limit, types });
    return { events: events.slice(0, size), hasNextPage: events.length > size, hasPreviousPage: after > 0 };
  }
  const events = (await journal.readBack(runId, { before, limit, types })).filter(({ seq }) => seq > after);
  return {
    events: events.slice(-size),
    hasNextPage: before !== Number.MAX_SAFE_INTEGER,
    hasPreviousPage: events.length > size,
  };
}
