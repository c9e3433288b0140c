/** After so long, half of what being new is worth is gone. */
const HALF_LIFE_MILLISECONDS = 30 * 24 * 60 * 60 * 1000;
/** What being quite new is worth, next to a relevance of 1: it decides between equals, and not more. */
const WORTH = 0.25;

/** A relevance with the age of what was found taken into account. */
export function withRecency(relevance: number, ageMilliseconds: number): number {
  return relevance * (1 + WORTH * 0.5 ** (Math.max(0, ageMilliseconds) / HALF_LIFE_MILLISECONDS));
}
