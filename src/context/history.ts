import type { Database } from '../database/database.ts';
import type { EventType, Json } from '../domain/events.ts';
import { resultRequest } from '../domain/result.ts';
import type { Generation, Segment } from '../domain/session.ts';
import { type SequencedMessage, transcript } from '../domain/transcript.ts';
import type { Journal } from '../journal/journal.ts';
import { runsBetween, type Turn } from '../projections/session-runs.ts';
import type { CompactionRow } from '../repositories/compactions.ts';
import { lineageOf } from '../repositories/lineage.ts';

export interface HistoryStore {
  database: Database;
  journal: Pick<Journal, 'read' | 'readMany'>;
}

/** A message and its position in the history. */
export type HistoryMessage = SequencedMessage & Turn;

/** The session whose history is read. */
export interface HistorySession {
  id: string;
  owner: string;
  /** Null if the session is not a branch. */
  parentId: string | null;
  /** This turn and earlier ones are not shown. */
  resetTurn: number;
  useCompaction: boolean;
}

/** The events that make up messages. Deltas, which are most of a tape, are not among them. */
export const messageEventTypes: EventType[] = [
  'input',
  'context',
  'output',
  'tool_call',
  'approval_decision',
  'tool_result',
];
/** Number of runs in the first read of `walkRuns`, and at most. */
const FIRST_RUNS = 8;
const MAX_RUNS = 64;
/** Greater than the seq of any event. */
const LAST_SEQ = Number.MAX_SAFE_INTEGER;

/** The session and its ancestors, youngest first. Reads the database only for a branch. */
export async function generationsOf({ database }: HistoryStore, session: HistorySession): Promise<Generation[]> {
  return session.parentId === null ? [{ id: session.id, branch: null }] : lineageOf(database, session.id);
}

/** All messages of one run so far, oldest first. */
export async function messagesOfRun(store: HistoryStore, run: Turn): Promise<HistoryMessage[]> {
  const [messages = []] = await messagesOfRuns(store, [run], null);
  return messages;
}

/** The messages of each run, with one read. */
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

/**
 * The messages of the segments, one run at a time, from the newest or from the oldest run. Within a run, the oldest
 * message comes first. Reads on only as long as the caller iterates.
 */
export async function* walkRuns(
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
      range = runs.length < limit ? null : rangeAfter(range, runs.at(-1)?.turn ?? 0, from);
      // Few reads for a long history, and few runs read in vain for a short one.
      limit = Math.min(limit * 2, MAX_RUNS);
    }
  }
}

function rangeAfter(range: Segment, turn: number, from: 'oldest' | 'newest'): Segment {
  return from === 'newest' ? { ...range, upToTurn: turn - 1 } : { ...range, fromTurn: turn + 1 };
}

type CompactedRange = Pick<CompactionRow, 'toTurn' | 'toSeq'>;

/** Whether the compaction replaces the message. */
export function isCompacted({ turn, seq }: HistoryMessage, compaction: CompactedRange | null): boolean {
  if (compaction === null) return false;
  return turn < compaction.toTurn || (turn === compaction.toTurn && seq <= compaction.toSeq);
}

/**
 * The messages of the current run that the model is shown: those that are not compacted, and all user messages. Without
 * a user message a model has nothing to respond to, and some providers refuse the request.
 */
export function shownOfCurrentRun(
  messages: readonly HistoryMessage[],
  compaction: CompactedRange | null,
): HistoryMessage[] {
  return messages.filter((message) => message.role === 'user' || !isCompacted(message, compaction));
}

/**
 * The messages of the current run, and after them the request for a result if the last answer does not fit the output schema. The
 * request is not on the tape: it follows from what is.
 */
export function withResultRequest(
  messages: readonly HistoryMessage[],
  schema: Json | null,
  problem: string | null,
): HistoryMessage[] {
  const last = messages.at(-1);
  if (schema === null || problem === null || !last) return [...messages];
  const { seq, runId, turn } = last;
  return [...messages, { role: 'user', text: resultRequest(schema, problem), seq, runId, turn }];
}
