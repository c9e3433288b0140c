import * as limits from '../config/limits.ts';
import { dropIdempotencyKeys } from '../repositories/idempotency-keys.ts';
import { dropExpiredMemories } from '../repositories/memory/memory-writes.ts';
import { expireApprovals } from './approval/expire-approval.ts';
import type { CommandContext } from './command-context.ts';

/** Between two looks for idempotency keys and memories whose time is over: neither is found any more. */
const ROWS_MILLISECONDS = 60 * 60 * 1000;

/** Settles what time settles: questions that nobody answered, keys and memories whose time is over. To be called every few seconds. */
export function createExpirySweep(context: CommandContext): () => Promise<void> {
  let sweptAt = context.now();
  return async () => {
    await expireApprovals(context);
    if (context.now() - sweptAt < ROWS_MILLISECONDS) return;
    sweptAt = context.now();
    await dropExpiredMemories(context.database, new Date(sweptAt));
    await dropIdempotencyKeys(context.database, new Date(sweptAt - limits.IDEMPOTENCY_SECONDS * 1000));
  };
}
