import * as limits from '../config/limits.ts';
import type { Database } from '../database/database.ts';
import type { EventType } from '../domain/events.ts';
import type { Generation, Segment } from '../domain/lineage.ts';
import { type PlacedMessage, transcript } from '../domain/transcript.ts';
import type { Journal } from '../journal/journal.ts';
import { lineOf } from '../projections/lineage.ts';
import { runsBetween, type Turn } from '../projections/runs.ts';

export interface HistoryStore {
  database: Database;
  journal: Pick<Journal, 'read'>;
}

/** A message and its place in the history. */
export type HistoryMessage = PlacedMessage & Turn;

/** The session whose history is shown. */
export interface HistorySession {
  id: string;
  owner: string;
  parentId: string | null;
  /** Turns up to this one are not shown. */
  resetTurn: number;
  useCompaction: boolean;
}

/** Events that messages are made of; deltas, which are most of a tape, are not read. */
export const spoken: EventType[] = ['input', 'context', 'output', 'tool_call', 'approval_decision', 'tool_result'];
/** Runs read at a time. */
const RUNS_AT_A_TIME = 8;

/** The session and its ancestors. A session that is no branch is known without a look. */
export async function generationsOf({ database }: HistoryStore, session: HistorySession): Promise<Generation[]> {
  return session.parentId === null ? [{ id: session.id, branch: null }] : lineOf(database, session.id);
}

/** @param upTo seq of the last event that is seen; null for all of them */
export async function messagesOf(
  { journal }: HistoryStore,
  { runId, turn }: Turn,
  upTo: number | null,
): Promise<HistoryMessage[]> {
  const range = upTo === null ? {} : { upTo };
  const events = await journal.read(runId, { after: 0, limit: limits.SPOKEN_EVENTS, types: spoken, ...range });
  return transcript(events).map((message) => ({ ...message, runId, turn }));
}

/** The messages of each run in turn; whoever has enough stops asking, and nothing more is read. */
export async function* walk(
  store: HistoryStore,
  segments: readonly Segment[],
  from: 'oldest' | 'newest',
): AsyncGenerator<HistoryMessage[], void> {
  for (const segment of from === 'newest' ? segments : segments.toReversed()) {
    let range = segment;
    for (let runs = await next(store, range, from); runs.length > 0; runs = await next(store, range, from)) {
      const cut = (run: Turn) => (segment.cut?.runId === run.runId ? segment.cut.seq : null);
      yield* await Promise.all(runs.map((run) => messagesOf(store, run, cut(run))));
      const last = runs.at(-1)?.turn ?? 0;
      if (runs.length < RUNS_AT_A_TIME) break;
      range = from === 'newest' ? { ...range, upToTurn: last - 1 } : { ...range, fromTurn: last + 1 };
    }
  }
}

function next({ database }: HistoryStore, segment: Segment, from: 'oldest' | 'newest'): Promise<Turn[]> {
  return runsBetween(database.reader, segment.sessionId, segment, { from, limit: RUNS_AT_A_TIME });
}
