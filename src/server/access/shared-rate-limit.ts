import { createBoundedCache } from '../../bounded-cache.ts';
import type { Database } from '../../database/database.ts';
import { storableText } from '../../domain/storable-text.ts';
import { type RateLimit, secondsLeft, type Wait } from './rate-limit.ts';

/** Points of received requests that one server counts in memory before it adds them in the database. */
const UNCOUNTED_POINTS = 16;

/**
 * One statement, by the clock of the database, because the clocks of the servers may differ. The points of a refused
 * operation are added too: the principal is refused until the end of the minute in any case.
 */
const TAKE = `
  INSERT INTO "RateUse" ("principal", "minute", "points")
  VALUES ($1, floor(extract(epoch from now()) / 60)::int, $2::int)
  ON CONFLICT ("principal") DO UPDATE SET
    "minute" = excluded."minute",
    "points" = CASE WHEN "RateUse"."minute" = excluded."minute" THEN "RateUse"."points" ELSE 0 END + excluded."points"
  RETURNING "points", extract(epoch from now())::float8 AS "seconds"`;

/**
 * Counts in a database that several servers share. Until the end of the minute, a server refuses a principal that has used
 * all of its points without a statement, so that a flood of requests does not reach the database. The points of received requests
 * are added with the next statement for the principal, so that an operation needs at most one.
 */
export function createSharedRateLimit(options: {
  database: Database;
  pointsPerMinute: number;
  maxPrincipals: number;
  now(): number;
}): RateLimit {
  const { database, pointsPerMinute, maxPrincipals, now } = options;
  /** The epoch milliseconds until which a principal has no points. */
  const exhaustedUntil = createBoundedCache<number>(maxPrincipals);
  /** Points of received requests that are not in the database yet. */
  const uncounted = createBoundedCache<number>(maxPrincipals);
  const maxUncounted = Math.min(UNCOUNTED_POINTS, Math.ceil(pointsPerMinute / UNCOUNTED_POINTS));

  function remainingWait(principal: string): Wait {
    const until = exhaustedUntil.get(principal) ?? 0;
    if (until > now()) return Math.ceil((until - now()) / 1000);
    exhaustedUntil.delete(principal);
    return null;
  }

  async function take(principal: string, points: number): Promise<Wait> {
    const wait = remainingWait(principal);
    if (wait !== null) return wait;
    const allPoints = points + (uncounted.get(principal) ?? 0);
    uncounted.delete(principal);
    const [use] = await database.write((client) =>
      client.$queryRawUnsafe<{ points: number; seconds: number }[]>(TAKE, storableText(principal), allPoints),
    );
    if (!use || use.points <= pointsPerMinute) return null;
    const seconds = secondsLeft(use.seconds * 1000);
    exhaustedUntil.set(principal, now() + seconds * 1000);
    return seconds;
  }

  return {
    take,
    receive(principal, points) {
      const wait = remainingWait(principal);
      if (wait !== null) return wait;
      const received = points + (uncounted.get(principal) ?? 0);
      if (received >= maxUncounted) return take(principal, points);
      uncounted.set(principal, received);
      return null;
    },
    add(principal, points) {
      uncounted.set(principal, points + (uncounted.get(principal) ?? 0));
    },
  };
}
