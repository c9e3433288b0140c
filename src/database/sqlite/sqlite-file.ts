import { accessSync, constants, mkdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import BetterSqlite from 'better-sqlite3';
import { StartError } from '../../config/start-error.ts';

/** The driver blocks the event loop while it waits for the lock of another program, so it waits for a short time only. */
export const BUSY_MILLISECONDS = 50;

/** Creates the folder of the file, checks that the file can be written, and returns its real path. Throws a StartError. */
export function prepareSqliteFile(url: string): string {
  const path = pathOf(url);
  const stats = statsOf(path);
  if (stats?.isDirectory()) {
    throw new StartError(`DATABASE_URL names a directory: ${path}. Name a file in it, for example ${path}/runtape.db.`);
  }
  try {
    mkdirSync(dirname(path), { recursive: true });
    accessSync(stats ? path : dirname(path), constants.R_OK | constants.W_OK);
    // Two servers that reach one file through different links must use the same lock.
    const realPath = stats ? realpathSync(path) : join(realpathSync(dirname(path)), basename(path));
    accessSync(dirname(realPath), constants.W_OK);
    return realPath;
  } catch (error) {
    throw new StartError(
      `The database ${path} cannot be written: ${messageOf(error)}. Check the path and its permissions.`,
      error,
    );
  }
}

/** The path of an existing file. Throws a StartError if there is none. */
export function existingSqliteFile(url: string): string {
  const path = pathOf(url);
  if (!statsOf(path)?.isFile()) throw new StartError(`There is no database ${path}.`);
  return path;
}

const pathOf = (url: string) => resolve(url.replace(/^file:(\/\/)?/, ''));

function statsOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}

/**
 * Locks the database for this process. Returns the function that unlocks it. The operating system locks a small file beside the
 * database, and releases the lock when the process ends for any reason. Throws a StartError if another server has the lock.
 */
export function lockSqliteFile(path: string): () => void {
  let lock: BetterSqlite.Database | null = null;
  try {
    lock = new BetterSqlite(`${path}-lock`, { timeout: 0 });
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock?.close();
    throw new StartError(
      isBusy(error)
        ? `Another server uses ${path}. Stop it, name another file in DATABASE_URL, or run several servers on Postgres.`
        : `The database ${path} cannot be locked with ${path}-lock: ${messageOf(error)}. Check the path and its permissions.`,
      error,
    );
  }
  const held = lock;
  return () => held.close();
}

function isBusy(error: unknown): boolean {
  return error instanceof BetterSqlite.SqliteError && error.code.startsWith('SQLITE_BUSY');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
