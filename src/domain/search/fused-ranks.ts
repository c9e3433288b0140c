/** Dampens how much the first places count over the next ones; the value that the method was published with. */
const DAMPING = 60;

export interface RankedItem {
  id: string;
  /** Above 0 and at most 1, which is the first place in every list. */
  score: number;
}

/** Reciprocal rank fusion: several lists of ids, best first, become one. What stands high in more of them comes first. */
export function fuseRanks(lists: readonly (readonly string[])[]): RankedItem[] {
  const sums = new Map<string, number>();
  for (const list of lists) {
    for (const [place, id] of list.entries()) {
      sums.set(id, (sums.get(id) ?? 0) + (DAMPING + 1) / (DAMPING + 1 + place));
    }
  }
  return [...sums]
    .map(([id, sum]) => ({ id, score: sum / Math.max(1, lists.length) }))
    .sort((left, right) => right.score - left.score || (left.id < right.id ? 1 : -1));
}
