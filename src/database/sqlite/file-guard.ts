import { statSync } from 'node:fs';
import type { Clock } from '../../clock.ts';
import { StoreError } from '../store-error.ts';

/**
 * Notices that the file of an open database was deleted, moved or replaced: SQLite would go on to write to the old file, which
 * nobody finds after the next start. The problem remains until the server is restarted.
 */
export interface FileGuard {
  /** Why nothing may be stored any more; null while the files are those that were opened. */
  problem(): string | null;
  /** Compares the files with those that were opened. Throws a StoreError if they differ. */
  check(): void;
  /** The same, if the last comparison was not just before. For every write, before it begins and before it is acknowledged. */
  checkAfterPause(): void;
}

/** Messages that are acknowledged this long after a file was deleted may be lost with it. */
const PAUSE_MILLISECONDS = 25;

interface GuardedFile {
  path: string;
  /** Device and inode; null before the file exists. */
  identity: string | null;
}

/** Guards the file of this path, which is open, and its write-ahead log. */
export function createFileGuard(path: string, clock: Clock): FileGuard {
  const files: GuardedFile[] = [path, `${path}-wal`].map((each) => ({ path: each, identity: identityOf(each) }));
  let problem: string | null = null;
  let checkedAt = clock.elapsed();

  function differenceOf(file: GuardedFile): string | null {
    const identity = identityOf(file.path);
    // SQLite creates the log with the first write.
    file.identity ??= identity;
    if (identity === file.identity) return null;
    return `${file.path} was ${identity === null ? 'deleted or moved' : 'replaced'} while this server used it`;
  }

  function check(): void {
    checkedAt = clock.elapsed();
    for (const file of files) problem ??= differenceOf(file);
    if (problem !== null) {
      const advice = 'Nothing is stored any more. Stop the server, put the right file in its place, and start it again';
      throw new StoreError('unavailable', `${problem}. ${advice}`);
    }
  }

  return {
    problem: () => problem,
    check,
    checkAfterPause() {
      if (problem !== null || clock.elapsed() - checkedAt >= PAUSE_MILLISECONDS) check();
    },
  };
}

function identityOf(path: string): string | null {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats ? `${stats.dev}:${stats.ino}` : null;
}
