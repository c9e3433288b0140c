import { FOLLOW_PAGE_EVENTS } from '../../config/limits.ts';
import { badUserInput } from '../public-errors.ts';

/** The largest `maxBatch`. */
export const MAX_BATCH = 1000;

/** The most items of one batch of a subscription. Throws BAD_USER_INPUT if the argument is not allowed. */
export function batchSize(maxBatch: number | null | undefined): number {
  const size = maxBatch ?? FOLLOW_PAGE_EVENTS;
  if (size < 1 || size > MAX_BATCH) throw badUserInput(`\`maxBatch\` is ${size}. Use a number from 1 to ${MAX_BATCH}.`);
  return size;
}
