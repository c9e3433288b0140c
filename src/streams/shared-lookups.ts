import { nextTurn } from '../clock.ts';

/** Runs a lookup, or joins the one that another caller requested for the same key in the same turn of the event loop. */
export type SharedLookups<Result> = (key: string, lookup: () => Promise<Result>) => Promise<Result>;

/**
 * For many callers that are notified together and look for the same thing. A lookup starts at the end of the turn, so its
 * result is never older than the request. If it fails, it fails for every caller that joined it.
 */
export function createSharedLookups<Result>(): SharedLookups<Result> {
  const scheduled = new Map<string, Promise<Result>>();
  return (key, lookup) => {
    const shared = scheduled.get(key);
    if (shared !== undefined) return shared;
    const result = nextTurn().then(() => {
      scheduled.delete(key);
      return lookup();
    });
    scheduled.set(key, result);
    return result;
  };
}
