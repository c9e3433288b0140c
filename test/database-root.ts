import { existsSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';

/** A file system in memory, on Linux. */
const MEMORY = '/dev/shm';
/** More than the databases of three parts of `npm test` need at the same time. */
const NEEDED_BYTES = 3 * 1024 ** 3;

/**
 * The folder for databases of tests: in memory where there is enough. They are copied and synced thousands of times and need not survive
 * a power failure.
 */
export function databaseRoot(): string {
  if (!existsSync(MEMORY)) return tmpdir();
  const { bavail, bsize } = statfsSync(MEMORY);
  return bavail * bsize >= NEEDED_BYTES ? MEMORY : tmpdir();
}
