/** Points of principals, counted in minutes. */
export interface RateLimit {
  /** Takes points; seconds until there are new ones where there are too few, else null. */
  take(principal: string, points: number): number | null | Promise<number | null>;
}

const MINUTE_MILLISECONDS = 60_000;

/** Counts in memory, for the one server that a file has. */
export function createRateLimit(options: {
  pointsPerMinute: number;
  /** Principals that are remembered; beyond, those of whom nothing was heard for longest are forgotten. */
  mostPrincipals: number;
  now(): number;
}): RateLimit {
  const { pointsPerMinute, mostPrincipals, now } = options;
  const taken = new Map<string, { minute: number; points: number }>();
  return {
    take(principal, points) {
      const minute = Math.floor(now() / MINUTE_MILLISECONDS);
      const known = taken.get(principal);
      const before = known?.minute === minute ? known.points : 0;
      if (before + points > pointsPerMinute) return secondsLeft(now());
      // Deleted first, so that the map is in the order of use.
      taken.delete(principal);
      taken.set(principal, { minute, points: before + points });
      const [oldest] = taken.keys();
      if (taken.size > mostPrincipals && oldest !== undefined) taken.delete(oldest);
      return null;
    },
  };
}

/** Until the next minute begins, at least one. */
export function secondsLeft(now: number): number {
  return Math.max(1, Math.ceil((MINUTE_MILLISECONDS - (now % MINUTE_MILLISECONDS)) / 1000));
}
