import type { Database } from '../../database/database.ts';
import { storableText } from '../../domain/storable-text.ts';
import { type RateLimit, secondsLeft } from './rate-limit.ts';

/** One statement, by the clock of the database: those of the servers may differ. What is refused counts too, and changes nothing. */
const TAKE = `
  INSERT INTO "RateUse" ("principal", "minute", "points")
  VALUES ($1, floor(extract(epoch from now()) / 60)::int, $2::int)
  ON CONFLICT ("principal") DO UPDATE SET
    "minute" = excluded."minute",
    "points" = CASE WHEN "RateUse"."minute" = excluded."minute" THEN "RateUse"."points" ELSE 0 END + excluded."points"
  RETURNING "points", extract(epoch from now())::float8 AS "seconds"`;

/**
 * Counts in the database that several servers share. Who has no points left is refused by this server alone until the minute
 * ends, so that a flood costs no statements.
 */
export function createSharedRateLimit(options: {
  database: Database;
  pointsPerMinute: number;
  mostPrincipals: number;
  now(): number;
}): RateLimit {
  const { database, pointsPerMinute, mostPrincipals, now } = options;
  /** Epoch milliseconds until which a principal has none. */
  const exhausted = new Map<string, number>();
  return {
    async take(principal, points) {
      const until = exhausted.get(principal) ?? 0;
      if (until > now()) return Math.ceil((until - now()) / 1000);
      exhausted.delete(principal);
      const name = storableText(principal);
      const [taken] = await database.write((client) =>
        client.$queryRawUnsafe<{ points: number; seconds: number }[]>(TAKE, name, points),
      );
      if (!taken || taken.points <= pointsPerMinute) return null;
      const seconds = secondsLeft(taken.seconds * 1000);
      if (exhausted.size >= mostPrincipals) exhausted.clear();
      exhausted.set(principal, now() + seconds * 1000);
      return seconds;
    },
  };
}
