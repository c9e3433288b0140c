import { deleteExpired, discardedBlobs, forgetDiscarded } from '../../repositories/attachments.ts';
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

/** Removes the bytes that no row refers to. What the store does not remove is tried again by the next call. */
export async function removeDiscardedBlobs(context: BlobContext): Promise<void> {
  for (;;) {
    const keys = await discardedBlobs(context.database.reader, new Date(context.now()), PAGE);
    let removed = 0;
    for (const key of keys) if (await removeBlob(context, key)) removed += 1;
    // A page that could not be removed would be read again.
    if (keys.length < PAGE || removed === 0) return;
  }
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
