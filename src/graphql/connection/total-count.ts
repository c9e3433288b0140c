import { type Connection, emptyConnection } from './paging.ts';

/** The number of all items of a list. */
export interface Count {
  items: number;
  /** Whether there are not more. */
  isExact: boolean;
}

/** A page of a list that can be counted. */
export interface CountedConnection<AnyEdge> extends Connection<AnyEdge> {
  /** Counts when it is called for the first time. */
  count(): Promise<Count>;
}

/**
 * Returns a function that adds the count of a list to a page of it.
 *
 * @param maximum more items are not counted
 * @param countUpTo counts at most this many items
 */
export function withCount<AnyEdge>(maximum: number, countUpTo: (maximum: number) => Promise<number>) {
  return (connection: Connection<AnyEdge>): CountedConnection<AnyEdge> => {
    let counting: Promise<Count> | null = null;
    return {
      ...connection,
      count() {
        // One more item shows whether the list is longer.
        counting ??= countUpTo(maximum + 1).then((items) => ({
          items: Math.min(items, maximum),
          isExact: items <= maximum,
        }));
        return counting;
      },
    };
  };
}

export const emptyList = withCount<never>(0, async () => 0)(emptyConnection);
