import * as limits from '../config/limits.ts';
import { dropIdempotencyKeys } from '../projections/idempotency-keys.ts';
import { expireApprovals } from './approval/expire-approval.ts';
import type { CommandContext } from './command-context.ts';

/** Between two looks for idempotency keys that nobody needs any more. */
const KEYS_MILLISECONDS = 60 * 60 * 1000;

/** Settles what time settles: questions that nobody answered, and keys whose time is over. To be called every few seconds. */
export function createSweep(context: CommandContext): () => Promise<void> {
  let keysSweptAt = context.now();
  return async () => {
    await expireApprovals(context);
    if (context.now() - keysSweptAt < KEYS_MILLISECONDS) return;
    keysSweptAt = context.now();
    await dropIdempotencyKeys(context.database, new Date(keysSweptAt - limits.IDEMPOTENCY_SECONDS * 1000));
  };
}
