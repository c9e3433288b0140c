import type { Clock } from '../clock.ts';
import { isOfStore, toStoreError } from './store-error.ts';

/**
 * Does the work again while somebody else is in the way, with these pauses between; behind the last one the refusal stands.
 * What the store throws becomes a StoreError; errors of the work itself pass through as they are.
 */
export async function whileBusy<T>(
  pausesMilliseconds: readonly number[],
  clock: Clock,
  work: () => Promise<T>,
): Promise<T> {
  for (const pause of pausesMilliseconds) {
    try {
      return await work();
    } catch (error) {
      if (!isOfStore(error) || toStoreError(error).failure !== 'busy') return failStore(error);
      await clock.sleep(pause);
    }
  }
  return work().catch(failStore);
}

/** Throws what the store threw as a StoreError, and anything else as it is. */
export function failStore(error: unknown): never {
  throw isOfStore(error) ? toStoreError(error) : error;
}
