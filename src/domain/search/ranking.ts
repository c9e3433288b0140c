/** Dampens how much the first ranks count over the next ones; the value of the paper (Cormack, Clarke and Büttcher, 2009). */
const DAMPING = 60;

export interface RankedItem {
  id: string;
  /** Above 0 and at most 1, which is the first rank in every list. */
  score: number;
}

/** Reciprocal rank fusion: merges several lists of ids, each best first, into one. */
export function fuseRanks(lists: readonly (readonly string[])[]): RankedItem[] {
  const sums = new Map<string, number>();
  for (const list of lists) {
    for (const [rank, id] of list.entries()) {
      sums.set(id, (sums.get(id) ?? 0) + (DAMPING + 1) / (DAMPING + 1 + rank));
    }
  }
  return [...sums]
    .map(([id, sum]) => ({ id, score: sum / Math.max(1, lists.length) }))
    .sort((left, right) => right.score - left.score || (left.id < right.id ? 1 : -1));
}

const RECENCY_HALF_LIFE_MILLISECONDS = 30 * 24 * 60 * 60 * 1000;
/** How much being new adds to a relevance of 1: it decides between equals, and little more. */
const RECENCY_WEIGHT = 0.25;

/** Raises a relevance by how recent the match is. */
export function withRecency(relevance: number, ageMilliseconds: number): number {
  return relevance * (1 + RECENCY_WEIGHT * 0.5 ** (Math.max(0, ageMilliseconds) / RECENCY_HALF_LIFE_MILLISECONDS));
}
