import type { EventType, RecordedEvent } from '../../domain/events.ts';
import { formatCursor, seqOnTape } from '../../streams/cursor.ts';
import { readPage } from '../../streams/page.ts';
import { defineConnection, defineEdge } from '../connection/connections.ts';
import { type Connection, type ConnectionArguments, connectionOf, type Edge, pageSize } from '../connection/paging.ts';
import type { GraphqlContext } from '../context.ts';
import { completeList } from '../execution/complete-list.ts';
import { selectedTypes, TapeEvent } from './tape-event.ts';

const TapeEdge = defineEdge('Tape', 'events', TapeEvent);

export const TapeConnection = defineConnection('Tape', 'events', TapeEvent, TapeEdge, completeList);

interface TapeArguments extends ConnectionArguments {
  types?: readonly EventType[] | null;
}

type TapePage = Connection<Edge<RecordedEvent>>;

/** Events of a run that the viewer may see. Throws a CursorError if a cursor does not belong to its tape. */
export async function tapePage(
  { follow, loaders }: GraphqlContext,
  runId: string,
  args: TapeArguments,
): Promise<TapePage> {
  const { size, from } = pageSize(args);
  if (from === 'end' && args.types == null && args.before == null && args.after == null) {
    return lastEventsPage(loaders, runId, size);
  }
  const types = selectedTypes(args.types);
  const seqOf = async (cursor: string) => {
    const tape = await follow.journal.head(runId);
    return seqOnTape(cursor, { runId, head: tape?.head ?? 0 });
  };
  const after = args.after == null ? 0 : await seqOf(args.after);
  const before = args.before == null ? Number.MAX_SAFE_INTEGER : await seqOf(args.before);
  const { events, ...page } = await readPage(follow.journal, { runId, after, before, size, from, types });
  return connectionOf(events.map(edgeOf), page);
}

/** The last events of a tape. Lists of runs show them, so they are loaded for all runs of a list at once. */
async function lastEventsPage(loaders: GraphqlContext['loaders'], runId: string, size: number): Promise<TapePage> {
  const events = await loaders.lastEvents.load({ runId, count: size });
  return connectionOf(events.map(edgeOf), { hasNextPage: false, hasPreviousPage: (events[0]?.seq ?? 1) > 1 });
}

/** A getter for the cursor would cost more than the cursor. */
const edgeOf = (node: RecordedEvent) => ({ cursor: formatCursor(node), node });
