import BetterSqlite from 'better-sqlite3';
import type { Blob } from '../generated/sqlite/client.ts';
import { BUSY_MILLISECONDS, createPrivateFile, existingSqliteFile } from './sqlite-file.ts';

/**
 * Writes a copy of a SQLite database, also while a server uses it. The copy is the state of one moment; writers do not wait for it.
 * Unlike a copy of the pages it has no free pages, which may hold deleted texts of releases without secure deletion. Returns the path
 * of the database. Throws a StartError if there is none, and what the driver throws. The copy is not synced.
 */
export function copySqlite(url: string, target: string): string {
  const path = existingSqliteFile(url);
  // Not opened as read-only: such a connection leaves the write-ahead log of a stopped server behind.
  const file = new BetterSqlite(path, { timeout: BUSY_MILLISECONDS, fileMustExist: true });
  try {
    // SQLite would create the file with the permissions of the umask.
    createPrivateFile(target);
    file.prepare('VACUUM INTO ?').run(target);
    return path;
  } finally {
    file.close();
  }
}

type StoredBlob = Pick<Blob, 'id' | 'owner' | 'sha256'>;

/** A SQLite database of any release, without the checks and the client of this one. */
export interface SqliteSnapshot extends Disposable {
  /** The newest migration that was applied; null if none was. */
  newestMigration(): string | null;
  countTapes(): number;
  /** Reads row by row. Nothing in releases without attachments. */
  blobs(): Iterable<StoredBlob>;
  hasBlob(id: string): boolean;
}

/** Opens an existing file. Throws what the driver throws. */
export function openSnapshot(path: string): SqliteSnapshot {
  const file = new BetterSqlite(path, { timeout: BUSY_MILLISECONDS, fileMustExist: true });
  const hasTable = (name: string) =>
    file.prepare(`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?`).get(name) !== undefined;
  return {
    newestMigration() {
      if (!hasTable('_prisma_migrations')) return null;
      const newest = 'SELECT max(migration_name) FROM "_prisma_migrations" WHERE finished_at IS NOT NULL';
      return file.prepare<[], string | null>(newest).pluck().get() ?? null;
    },
    countTapes() {
      if (!hasTable('Tape')) return 0;
      return file.prepare<[], number>('SELECT count(*) FROM "Tape"').pluck().get() ?? 0;
    },
    blobs() {
      if (!hasTable('Blob')) return [];
      return file.prepare<[], StoredBlob>('SELECT "id", "owner", "sha256" FROM "Blob" ORDER BY "id"').iterate();
    },
    hasBlob: (id) => hasTable('Blob') && file.prepare('SELECT 1 FROM "Blob" WHERE "id" = ?').get(id) !== undefined,
    [Symbol.dispose]: () => void file.close(),
  };
}
