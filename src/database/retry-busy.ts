import type { Clock } from '../clock.ts';
import { isStoreFault, toStoreError } from './store-error.ts';

/**
 * Does the work again while somebody else is in the way, with these pauses between; behind the last one the refusal stands.
 * What the store throws becomes a StoreError; errors of the work itself pass through as they are.
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

/** Throws what the store threw as a StoreError, and anything else as it is. */
export function throwStoreError(error: unknown): never {
  throw isStoreFault(error) ? toStoreError(error) : error;
}
