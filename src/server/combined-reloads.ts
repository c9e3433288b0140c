import type { Clock } from '../clock.ts';
import { RELOAD_SECONDS } from '../config/limits.ts';

/**
 * Returns a function that reloads, at most once in RELOAD_SECONDS: once for all calls in that time.
 * @param reload never rejects
 */
export function combineReloads(reload: () => Promise<void>, clock: Pick<Clock, 'sleep'>): () => void {
  let isRequested = false;
  let isRunning = false;
  const run = async () => {
    isRunning = true;
    while (isRequested) {
      isRequested = false;
      await reload();
      await clock.sleep(RELOAD_SECONDS * 1000);
    }
    isRunning = false;
  };
  return () => {
    isRequested = true;
    if (!isRunning) void run();
  };
}
