/** What a session sees of itself or of one of its ancestors. Turns go on across generations, so they order all that is seen. */
export interface Segment {
  sessionId: string;
  /** Both ends inclusive. */
  fromTurn: number;
  upToTurn: number;
  /** Of its last run no event behind this one is seen; null where runs are seen whole. */
  cut: { runId: string; seq: number } | null;
}

/** A session of a line of branches. */
export interface Generation {
  id: string;
  /** Where it was branched off its parent; null for a session that is no branch. */
  branch: { turn: number; runId: string; seq: number } | null;
}

/** The largest number that every store takes as a turn. */
const LAST_TURN = 2 ** 31 - 1;

type Cut = NonNullable<Generation['branch']>;

/**
 * What is seen of each session of the line, the youngest one first.
 * @param line the session, its parent, its grandparent, …
 * @param resetTurn turns up to this one are not seen
 */
export function segmentsOf(line: readonly Generation[], resetTurn: number): Segment[] {
  const segments: Segment[] = [];
  let end: Cut | null = null;
  for (const { id, branch } of line) {
    const fromTurn = Math.max(resetTurn, branch?.turn ?? 0) + 1;
    const upToTurn = end?.turn ?? LAST_TURN;
    if (fromTurn <= upToTurn) {
      segments.push({ sessionId: id, fromTurn, upToTurn, cut: end && { runId: end.runId, seq: end.seq } });
    }
    end = earlier(branch, end);
  }
  return segments;
}

/** A branch may be made at a run that its parent itself only sees, or at an earlier event of it. */
function earlier(branch: Cut | null, end: Cut | null): Cut | null {
  if (branch === null || end === null) return branch ?? end;
  if (branch.turn !== end.turn) return branch.turn < end.turn ? branch : end;
  return branch.seq <= end.seq ? branch : end;
}

/** What of it lies between two turns, both ends inclusive. */
export function clipSegments(segments: readonly Segment[], from: number, upTo: number): Segment[] {
  return segments
    .filter(({ fromTurn, upToTurn }) => fromTurn <= upTo && upToTurn >= from)
    .map((segment) => ({
      ...segment,
      fromTurn: Math.max(segment.fromTurn, from),
      upToTurn: Math.min(segment.upToTurn, upTo),
    }));
}

/** How much is seen of a run of this session: null for all of it, 0 for nothing. */
export function visibleUpTo(
  segments: readonly Segment[],
  { sessionId, runId, turn }: { sessionId: string; runId: string; turn: number },
): number | null {
  const segment = segments.find((each) => each.sessionId === sessionId);
  if (!segment || turn < segment.fromTurn || turn > segment.upToTurn) return 0;
  return segment.cut?.runId === runId ? segment.cut.seq : null;
}
