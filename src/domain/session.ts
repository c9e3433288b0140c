import type { SequencedEvent } from './events.ts';

/** The largest number that both databases accept as a turn. */
const MAX_TURN = 2 ** 31 - 1;

/** Characters of a message that become the title of a session without one. */
const TITLE_CHARACTERS = 80;

/** Makes a title of a session's first message: its first line, cut at a word. */
export function titleFrom(text: string): string {
  const line = text.trim().split('\n', 1)[0]?.trim() ?? '';
  const characters = [...line];
  if (characters.length <= TITLE_CHARACTERS) return line;
  const cut = characters.slice(0, TITLE_CHARACTERS - 1).join('');
  const space = cut.lastIndexOf(' ');
  return `${(space > TITLE_CHARACTERS / 2 ? cut.slice(0, space) : cut).trimEnd()}…`;
}

/** A session in a line of branches. */
export interface Generation {
  id: string;
  /** Where it branches off its parent; null if it is not a branch. */
  branch: BranchPoint | null;
}

/** A position in the history that a session sees. */
interface BranchPoint {
  turn: number;
  runId: string;
  seq: number;
}

/** The part of a session's history that the session or one of its branches sees. Turns are counted across generations. */
export interface Segment {
  sessionId: string;
  /** Both inclusive. */
  fromTurn: number;
  upToTurn: number;
  /** The last event that is visible of the segment's last run; null if the whole run is visible. */
  cut: { runId: string; seq: number } | null;
}

/**
 * Returns what a session sees of itself and of each ancestor, youngest first.
 *
 * @param line the session, its parent, its grandparent, …
 * @param resetTurn turns up to this one are hidden
 */
export function segmentsOf(line: readonly Generation[], resetTurn: number): Segment[] {
  const segments: Segment[] = [];
  let end: BranchPoint | null = null;
  for (const { id, branch } of line) {
    const fromTurn = Math.max(resetTurn, branch?.turn ?? 0) + 1;
    const upToTurn = end?.turn ?? MAX_TURN;
    if (fromTurn <= upToTurn) {
      segments.push({ sessionId: id, fromTurn, upToTurn, cut: end && { runId: end.runId, seq: end.seq } });
    }
    end = earlier(branch, end);
  }
  return segments;
}

/** A session can branch at a run that its parent inherited, or at an earlier event of the run that its parent branched at. */
function earlier(left: BranchPoint | null, right: BranchPoint | null): BranchPoint | null {
  if (left === null || right === null) return left ?? right;
  if (left.turn !== right.turn) return left.turn < right.turn ? left : right;
  return left.seq <= right.seq ? left : right;
}

/** Limits segments to the turns between `from` and `upTo`, both inclusive. */
export function clipSegments(segments: readonly Segment[], from: number, upTo: number): Segment[] {
  return segments
    .filter(({ fromTurn, upToTurn }) => fromTurn <= upTo && upToTurn >= from)
    .map((segment) => ({
      ...segment,
      fromTurn: Math.max(segment.fromTurn, from),
      upToTurn: Math.min(segment.upToTurn, upTo),
    }));
}

/** Returns the seq up to which a run is visible: null if the whole run is, 0 if nothing of it is. */
export function visibleUpTo(
  segments: readonly Segment[],
  { sessionId, runId, turn }: { sessionId: string; runId: string; turn: number },
): number | null {
  const segment = segments.find((each) => each.sessionId === sessionId);
  if (!segment || turn < segment.fromTurn || turn > segment.upToTurn) return 0;
  return segment.cut?.runId === runId ? segment.cut.seq : null;
}

/**
 * Returns the last seq, at most `seq`, at which a branch can begin: a user's message, an answer without tool calls, or the
 * last result of an answer's tool calls. So a branch never contains a call without its result.
 *
 * @param events of the run, in order; only inputs, outputs and tool results are read
 */
export function branchPoint(events: Iterable<SequencedEvent>, seq: number): number {
  let boundary = 1;
  let openCalls = new Set<string>();
  for (const event of events) {
    if (event.seq > seq) break;
    if (event.type === 'output') openCalls = new Set(event.payload.toolCalls);
    else if (event.type === 'tool_result') openCalls.delete(event.payload.callId);
    else if (event.type !== 'input') continue;
    if (openCalls.size === 0) boundary = event.seq;
  }
  return boundary;
}
