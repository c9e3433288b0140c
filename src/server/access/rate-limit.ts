import { LRUCache } from 'lru-cache';

/** Limits the points that each principal uses in a minute. */
export interface RateLimit {
  /** Uses points. Returns null, or the seconds until the next minute if the principal does not have enough points left. */
  take(principal: string, points: number): number | null | Promise<number | null>;
}

const MINUTE_MILLISECONDS = 60_000;

/** Counts in memory, for a server that has its database to itself. */
export function createRateLimit(options: {
  pointsPerMinute: number;
  /** The least recently active principals above this number are forgotten. */
  maxPrincipals: number;
  now(): number;
}): RateLimit {
  const { pointsPerMinute, maxPrincipals, now } = options;
  const uses = new LRUCache<string, { minute: number; points: number }>({ max: maxPrincipals });
  return {
    take(principal, points) {
      const minute = Math.floor(now() / MINUTE_MILLISECONDS);
      const use = uses.get(principal);
      const used = use?.minute === minute ? use.points : 0;
      if (used + points > pointsPerMinute) return secondsLeft(now());
      uses.set(principal, { minute, points: used + points });
      return null;
    },
  };
}

/** Seconds until the next minute begins, at least 1. */
export function secondsLeft(now: number): number {
  return Math.max(1, Math.ceil((MINUTE_MILLISECONDS - (now % MINUTE_MILLISECONDS)) / 1000));
}
