import { deleteExpired, discardedBlobs, forgetDiscarded, postponeDiscarded } from '../../repositories/attachments.ts';
import type { CommandContext } from '../command-context.ts';

type BlobContext = Pick<CommandContext, 'database' | 'blobs' | 'now' | 'logger'>;

/** Rows in one transaction, and blobs in one read. */
const PAGE = 100;

/** Deletes uploads that no message referred to in time. */
export async function expireAttachments(context: BlobContext, unusedSeconds: number): Promise<void> {
  const now = context.now();
  const before = new Date(now - unusedSeconds * 1000);
  while ((await deleteExpired(context.database, before, new Date(now), PAGE)) === PAGE);
}

/**
 * Removes the bytes that no row refers to, up to the first that the store does not remove: one that cannot be reached may take minutes to
 * fail, each time. The next call tries that one after the others.
 */
export async function removeDiscardedBlobs(context: BlobContext): Promise<void> {
  let keys: string[];
  do {
    keys = await discardedBlobs(context.database.reader, new Date(context.now()), PAGE);
    for (const key of keys) {
      if (!(await removeBlob(context, key))) return postponeDiscarded(context.database, key, new Date(context.now()));
    }
  } while (keys.length === PAGE);
}

/** Returns false if the store failed: the bytes are removed later. */
export async function removeBlob({ database, blobs, logger }: BlobContext, key: string): Promise<boolean> {
  try {
    await blobs.remove(key);
  } catch (error) {
    logger.error({ err: error, key }, 'the bytes of an attachment could not be removed; this is tried again');
    return false;
  }
  await forgetDiscarded(database, key);
  return true;
}
