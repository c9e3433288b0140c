import type { Clock } from '../clock.ts';
import { isStoreFault, throwStoreError, toStoreError } from './store-error.ts';

/**
 * Repeats `work` while it fails as `busy`, after each of the pauses. Rejects with a StoreError for any other failure of the
 * database and for the last `busy`. Errors of `work` itself pass through unchanged.
 */
export async function retryWhileBusy<T>(
  pausesMilliseconds: readonly number[],
  clock: Clock,
  work: () => Promise<T>,
): Promise<T> {
  for (const pause of pausesMilliseconds) {
    try {
      return await work();
    } catch (error) {
      if (!isStoreFault(error) || toStoreError(error).failure !== 'busy') return throwStoreError(error);
      await clock.sleep(pause);
    }
  }
  return work().catch(throwStoreError);
}
