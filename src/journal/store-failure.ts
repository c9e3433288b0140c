import { StoreError } from '../database/store-error.ts';

/** Whether a store can not be used for now: the same may succeed later. */
export function isTemporaryStoreFailure(error: unknown): boolean {
  return error instanceof StoreError && (error.failure === 'busy' || error.failure === 'unavailable');
}
