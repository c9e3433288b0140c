import { StartError } from '../../config/start-error.ts';
import { blobKey } from '../../repositories/attachments.ts';

const KEY = /^[0-9a-f]{32}\/[0-9a-f]{2}\/[0-9a-f]{64}-\w{1,64}$/;

/** The key of a blob. The rows may come from a database that somebody changed, and the key becomes a path. Throws a StartError. */
export function keyOf(blob: Parameters<typeof blobKey>[0]): string {
  const key = blobKey(blob);
  if (!KEY.test(key))
    throw new StartError(`The database was changed: its blob ${JSON.stringify(blob.id)} has an invalid digest.`);
  return key;
}
