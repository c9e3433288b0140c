import { createBoundedCache } from '../../bounded-cache.ts';

/** Limits the points that each principal uses in a minute. */
export interface RateLimit {
  /** Uses points. Returns null, or the seconds until the next minute if the principal does not have enough points left. */
  take(principal: string, points: number): Wait | Promise<Wait>;
  /** Like `take`, for every request that arrives. A shared limit counts a few of these points later, with those of others. */
  receive(principal: string, points: number): Wait | Promise<Wait>;
  /** Counts points of work that was done, even if the principal has fewer left: its next requests are refused then. */
  add(principal: string, points: number): void;
}

/** Seconds, or null if the principal does not have to wait. */
export type Wait = number | null;

const MINUTE_MILLISECONDS = 60_000;

/** Counts in memory, for a server that has its database to itself. */
export function createRateLimit(options: {
  pointsPerMinute: number;
  /** The least recently active principals above this number are forgotten. */
  maxPrincipals: number;
  now(): number;
}): RateLimit {
  const { pointsPerMinute, maxPrincipals, now } = options;
  const uses = createBoundedCache<{ minute: number; points: number }>(maxPrincipals);
  const add = (principal: string, points: number, most = Number.POSITIVE_INFINITY): boolean => {
    const minute = Math.floor(now() / MINUTE_MILLISECONDS);
    const use = uses.get(principal);
    const used = (use?.minute === minute ? use.points : 0) + points;
    if (used > most) return false;
    uses.set(principal, { minute, points: used });
    return true;
  };
  const take = (principal: string, points: number): Wait =>
    add(principal, points, pointsPerMinute) ? null : secondsLeft(now());
  return { take, receive: take, add: (principal, points) => void add(principal, points) };
}

/** Seconds until the next minute begins, at least 1. */
export function secondsLeft(now: number): number {
  return Math.max(1, Math.ceil((MINUTE_MILLISECONDS - (now % MINUTE_MILLISECONDS)) / 1000));
}
