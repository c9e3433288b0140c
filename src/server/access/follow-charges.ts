import { createBoundedCache } from '../../bounded-cache.ts';
import type { Clock } from '../../clock.ts';
import { COUNTED_PRINCIPALS, FOLLOW_PAGE_POINTS, POINT_OBJECTS } from '../../config/limits.ts';
import type { AdmitRead } from '../../streams/follow-run.ts';
import type { RateLimit } from './rate-limit.ts';

/**
 * Charges followers for the history that they read. A follower whose principal has no points left waits for the next minute: unlike a
 * request it is not refused, because it would have to begin again.
 */
export function createFollowCharges(rateLimit: Pick<RateLimit, 'receive'>, clock: Pick<Clock, 'sleep'>): AdmitRead {
  /** Parts of a point, by principal. */
  const remainders = createBoundedCache<number>(COUNTED_PRINCIPALS);
  async function pay(reader: string, points: number, isOpen: () => boolean): Promise<void> {
    while (isOpen()) {
      const seconds = await rateLimit.receive(reader, points);
      if (seconds === null) return;
      await clock.sleep(seconds * 1000);
    }
  }
  return (reader, events, isOpen) => {
    const cost = (remainders.get(reader) ?? 0) + FOLLOW_PAGE_POINTS + events / POINT_OBJECTS;
    const points = Math.floor(cost);
    remainders.set(reader, cost - points);
    return points === 0 ? null : pay(reader, points, isOpen);
  };
}
