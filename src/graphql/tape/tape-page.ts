import type { EventType, RecordedEvent } from '../../domain/events.ts';
import { formatCursor, seqOnTape } from '../../streams/cursor.ts';
import { readPage } from '../../streams/page.ts';
import { defineConnection, defineEdge } from '../connection/connections.ts';
import { type Connection, type ConnectionArguments, connectionOf, type Edge, pageSize } from '../connection/paging.ts';
import type { GraphqlContext } from '../context.ts';
import { TapeEvent, wantedTypes } from './tape-event.ts';

const TapeEdge = defineEdge('Tape', 'events', TapeEvent);

export const TapeConnection = defineConnection('Tape', 'events', TapeEvent, TapeEdge);

interface TapeArguments extends ConnectionArguments {
  types?: readonly EventType[] | null;
}

/** Events of one run, which is the viewer's. Throws a CursorError where a cursor is not one of its tape. */
export async function tapePage(
  { follow, loaders }: GraphqlContext,
  runId: string,
  args: TapeArguments,
): Promise<Connection<Edge<RecordedEvent>>> {
  const { size, from } = pageSize(args);
  if (from === 'end' && args.types == null && args.before == null && args.after == null) {
    return tapeEnd(loaders, runId, size);
  }
  const types = wantedTypes(args.types);
  const seqOf = async (cursor: string) => {
    const tape = await follow.journal.head(runId);
    return seqOnTape(cursor, { runId, head: tape?.head ?? 0 });
  };
  const after = args.after == null ? 0 : await seqOf(args.after);
  const before = args.before == null ? Number.MAX_SAFE_INTEGER : await seqOf(args.before);
  const { events, ...page } = await readPage(follow.journal, { runId, after, before, size, from, types });
  const edges = events.map((node) => ({ cursor: formatCursor(node), node }));
  return connectionOf(edges, page);
}

/** The last events without any bound: what lists of runs show, read for all of them at once. */
async function tapeEnd(loaders: GraphqlContext['loaders'], runId: string, size: number) {
  const events = await loaders.lastEvents.load({ runId, count: size });
  const edges = events.map((node) => ({ cursor: formatCursor(node), node }));
  return connectionOf(edges, { hasNextPage: false, hasPreviousPage: (events[0]?.seq ?? 1) > 1 });
}
