import {
  accessSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  realpathSync,
  rmSync,
  type Stats,
  statSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import BetterSqlite from 'better-sqlite3';
import { StartError } from '../../config/start-error.ts';

/** The driver blocks the event loop while it waits for the lock of another program, so it waits for a short time only. */
export const BUSY_MILLISECONDS = 50;

/** Creates the folder of the file, checks that the file can be written, and returns its real path. Throws a StartError. */
export function prepareSqliteFile(url: string): string {
  const path = pathOf(url);
  refuseFolder(path);
  const stats = statsOf(path);
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

/** Throws a StartError if the path of a database names a folder. */
export function refuseFolder(path: string): void {
  if (!statsOf(path)?.isDirectory()) return;
  throw new StartError(`DATABASE_URL names a directory: ${path}. Name a file in it, for example ${path}/runtape.db.`);
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

/** The lock of a database file, which this process holds. */
export interface SqliteLock {
  /** Whether the file was a database when it was locked before. */
  wasInitialised: boolean;
  /** Remembers that the file is a database from now on. */
  markInitialised(): void;
  unlock(): void;
}

/**
 * Locks the database for this process. The operating system locks a small file beside the database, and releases the lock when
 * the process ends for any reason. Throws a StartError if another server has the lock.
 */
export function lockSqliteFile(path: string): SqliteLock {
  const lockPath = `${path}-lock`;
  let lock: BetterSqlite.Database | null = null;
  let isNew = false;
  try {
    isNew = createPrivateFile(lockPath);
    lock = new BetterSqlite(lockPath, { timeout: 0 });
    // Keeps the lock between transactions.
    lock.pragma('locking_mode = EXCLUSIVE');
    lock.pragma('journal_mode = MEMORY');
    lock.exec('BEGIN EXCLUSIVE; COMMIT');
    // The lock file tells nothing if it is new, or if the database has several names with a lock file for each.
    if (isNew || (statsOf(path)?.nlink ?? 0) > 1) checkUnused(path);
  } catch (error) {
    lock?.close();
    // It would hide from the next start that the lock file was missing.
    if (isNew) rmSync(lockPath, { force: true });
    if (error instanceof StartError) throw error;
    throw new StartError(
      isBusy(error)
        ? `Another server uses ${path}. Stop it, name another file in DATABASE_URL, or run several servers on Postgres.`
        : `The database ${path} cannot be locked with ${lockPath}: ${messageOf(error)}. Check the path and its permissions.`,
      error,
    );
  }
  const held = lock;
  return {
    wasInitialised: held.pragma('user_version', { simple: true }) === INITIALISED,
    markInitialised: () => void held.pragma(`user_version = ${INITIALISED}`),
    unlock: () => held.close(),
  };
}

/** In the lock file, as the number that SQLite leaves to applications. */
const INITIALISED = 1;

/** Throws a StartError if another connection has the file open, by any of its names: SQLite locks the file itself. */
function checkUnused(path: string): void {
  if ((statsOf(path)?.size ?? 0) === 0) return;
  let file: BetterSqlite.Database | null = null;
  try {
    file = new BetterSqlite(path, { timeout: BUSY_MILLISECONDS });
    file.pragma('locking_mode = EXCLUSIVE');
    file.exec('BEGIN EXCLUSIVE; COMMIT');
  } catch (error) {
    // Any other fault is reported when the file is opened.
    if (!isBusy(error)) return;
    throw new StartError(
      `Another server uses ${path}, or another program has it open: its lock file was missing, or the file has several names. ` +
        'Stop the other program, name another file in DATABASE_URL, or run several servers on Postgres.',
      error,
    );
  } finally {
    file?.close();
  }
}

/**
 * Creates the file if there is none, for this user alone; SQLite gives its other files the same mode. Throws a StartError if the
 * file is empty or missing although it was a database before: an empty one in its place would hide the loss.
 */
export function createSqliteFile(path: string, { wasInitialised }: SqliteLock): void {
  const size = statsOf(path)?.size ?? null;
  const isLogLeft = (statsOf(`${path}-wal`)?.size ?? 0) > 0;
  if ((size === 0 && (wasInitialised || isLogLeft)) || (size === null && isLogLeft)) {
    const state = size === 0 ? 'is empty' : 'is missing';
    const evidence = isLogLeft ? `${path}-wal holds changes of a database` : `${path}-lock says that it was a database`;
    throw new StartError(
      `The database ${path} ${state}, but ${evidence}. Restore the file from a backup. ` +
        `To begin with an empty database, delete ${path}, ${path}-wal, ${path}-shm and ${path}-lock.`,
    );
  }
  if (size === null) createPrivateFile(path);
}

/** Creates an empty file that only this user may read and write. Returns false if the file exists. */
export function createPrivateFile(path: string): boolean {
  try {
    closeSync(openSync(path, 'wx', 0o600));
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof BetterSqlite.SqliteError && error.code.startsWith('SQLITE_BUSY');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
