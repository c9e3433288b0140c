import * as limits from '../config/limits.ts';
import { pruneActivity } from '../repositories/activity.ts';
import { pruneAuditEntries } from '../repositories/audit-entries.ts';
import { dropEndedAccounts } from '../repositories/budget-ledger.ts';
import { dropIdempotencyKeys } from '../repositories/idempotency-keys.ts';
import { dropExpiredMemories } from '../repositories/memories.ts';
import { expireAttachments, removeDiscardedBlobs } from './attachments/remove-blobs.ts';
import type { CommandContext } from './command-context.ts';
import { createWaitExpiry } from './wait/expire-waits.ts';

/** Between two deletions of expired rows. Queries ignore expired keys and memories, so there is no hurry. */
const DELETE_MILLISECONDS = 60 * 60 * 1000;
const DAY_MILLISECONDS = 24 * DELETE_MILLISECONDS;

/** Returns a function that expires waits, and once an hour deletes expired rows and attachments. Call it every few seconds. */
export function createExpirySweep(context: CommandContext): () => Promise<void> {
  const expireWaits = createWaitExpiry(context);
  let deletedAt = context.now();
  let isFirst = true;
  return async () => {
    await expireWaits();
    // A server that was lost may have deleted rows and not removed their bytes.
    if (isFirst) await removeDiscardedBlobs(context);
    isFirst = false;
    if (context.now() - deletedAt < DELETE_MILLISECONDS) return;
    deletedAt = context.now();
    await dropExpiredMemories(context.database, new Date(deletedAt));
    // A call that began at the end of a period is charged to it later.
    await dropEndedAccounts(context.database, new Date(deletedAt - DAY_MILLISECONDS));
    const { activityRetentionDays, auditRetentionDays } = context.settings;
    await pruneActivity(context.database, new Date(deletedAt - activityRetentionDays * DAY_MILLISECONDS));
    await pruneAuditEntries(context.database, new Date(deletedAt - auditRetentionDays * DAY_MILLISECONDS));
    await expireAttachments(context, context.settings.attachments.unusedSeconds);
    await removeDiscardedBlobs(context);
    await dropIdempotencyKeys(context.database, new Date(deletedAt - limits.IDEMPOTENCY_SECONDS * 1000));
  };
}
