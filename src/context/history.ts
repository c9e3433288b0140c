import type { Database } from '../database/database.ts';
import type { EventType } from '../domain/events.ts';
import type { Generation, Segment } from '../domain/session/lineage.ts';
import { type SequencedMessage, transcript } from '../domain/transcript.ts';
import type { Journal } from '../journal/journal.ts';
import { runsBetween, type Turn } from '../projections/runs.ts';
import { lineageOf } from '../repositories/lineage.ts';

export interface HistoryStore {
  database: Database;
  journal: Pick<Journal, 'read' | 'readMany'>;
}

/** A message and its place in the history. */
export type HistoryMessage = SequencedMessage & Turn;

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
export const messageEventTypes: EventType[] = [
  'input',
  'context',
  'output',
  'tool_call',
  'approval_decision',
  'tool_result',
];
/** Runs read at once, at first and at the most. */
const FIRST_RUNS = 8;
const MOST_RUNS = 64;
/** Behind every event. */
const LAST_SEQ = Number.MAX_SAFE_INTEGER;

/** The session and its ancestors. A session that is no branch is known without a look. */
export async function generationsOf({ database }: HistoryStore, session: HistorySession): Promise<Generation[]> {
  return session.parentId === null ? [{ id: session.id, branch: null }] : lineageOf(database, session.id);
}

/** All messages of one run so far. */
export async function messagesOf(store: HistoryStore, run: Turn): Promise<HistoryMessage[]> {
  const [messages = []] = await messagesOfRuns(store, [run], null);
  return messages;
}

/** The messages of each run, in one look. */
async function messagesOfRuns(
  { journal }: HistoryStore,
  runs: readonly Turn[],
  cut: Segment['cut'],
): Promise<HistoryMessage[][]> {
  const upTo = (runId: string) => (cut?.runId === runId ? cut.seq : LAST_SEQ);
  const tapes = await journal.readMany(
    runs.map(({ runId }) => ({ runId, upTo: upTo(runId) })),
    messageEventTypes,
  );
  return runs.map(({ runId, turn }) =>
    transcript(tapes.get(runId) ?? []).map((message) => ({ ...message, runId, turn })),
  );
}

/** The messages of each run in turn; whoever has enough stops asking, and nothing more is read. */
export async function* walk(
  store: HistoryStore,
  segments: readonly Segment[],
  from: 'oldest' | 'newest',
): AsyncGenerator<HistoryMessage[], void> {
  let limit = FIRST_RUNS;
  for (const segment of from === 'newest' ? segments : segments.toReversed()) {
    let range: Segment | null = segment;
    while (range !== null) {
      const runs: Turn[] = await runsBetween(store.database, range.sessionId, range, { from, limit });
      if (runs.length > 0) yield* await messagesOfRuns(store, runs, segment.cut);
      range = runs.length < limit ? null : behind(range, runs.at(-1)?.turn ?? 0, from);
      // Whoever reads on wants more: few looks, and few runs that are read for nothing.
      limit = Math.min(limit * 2, MOST_RUNS);
    }
  }
}

function behind(range: Segment, turn: number, from: 'oldest' | 'newest'): Segment {
  return from === 'newest' ? { ...range, upToTurn: turn - 1 } : { ...range, fromTurn: turn + 1 };
}
