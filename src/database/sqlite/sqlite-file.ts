import { accessSync, constants, mkdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import BetterSqlite from 'better-sqlite3';
import { StartError } from '../../config/start-error.ts';

/** The path that a `file:` URL names, links resolved, its folder made and its state checked. Throws a StartError. */
export function prepareSqliteFile(url: string): string {
  const path = pathOf(url);
  const found = stateOf(path);
  if (found?.isDirectory()) {
    throw new StartError(`DATABASE_URL names a directory: ${path}. Name a file in it, for example ${path}/runtape.db.`);
  }
  try {
    mkdirSync(dirname(path), { recursive: true });
    accessSync(found ? path : dirname(path), constants.R_OK | constants.W_OK);
    // Two servers that name one file by different links must meet at the same lock.
    const real = found ? realpathSync(path) : join(realpathSync(dirname(path)), basename(path));
    accessSync(dirname(real), constants.W_OK);
    return real;
  } catch (error) {
    throw new StartError(
      `The database ${path} can not be written: ${reason(error)}. Check the path and who owns it.`,
      error,
    );
  }
}

/** The path that a `file:` URL names, where there is a file already. Throws a StartError. */
export function existingSqliteFile(url: string): string {
  const path = pathOf(url);
  if (!stateOf(path)?.isFile()) throw new StartError(`There is no database ${path}.`);
  return path;
}

/** The driver is synchronous: waiting for a foreign lock would stop the whole server, so it gives up soon. */
export const BUSY_MILLISECONDS = 50;

const pathOf = (url: string) => resolve(url.replace(/^file:(\/\/)?/, ''));

/** Null where there is nothing that could be looked at. */
function stateOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}

/**
 * Holds the file for this process alone. The lock is a lock of the operating system on a small file beside the database:
 * it goes with the process, however that ends. Throws a StartError where another server holds it.
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
        : `The database ${path} can not be locked with ${path}-lock: ${reason(error)}.`,
      error,
    );
  }
  const held = lock;
  return () => held.close();
}

/** Names of the migrations that the file has seen; none where there is no file yet. */
export function appliedMigrations(path: string): string[] {
  if (!stateOf(path)) return [];
  const file = new BetterSqlite(path, { timeout: BUSY_MILLISECONDS });
  try {
    const known = file.prepare(`SELECT 1 FROM sqlite_master WHERE name = '_prisma_migrations'`).get();
    if (!known) return [];
    const finished = 'finished_at IS NOT NULL AND rolled_back_at IS NULL';
    return file.prepare<[], string>(`SELECT migration_name FROM _prisma_migrations WHERE ${finished}`).pluck().all();
  } finally {
    file.close();
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof BetterSqlite.SqliteError && error.code.startsWith('SQLITE_BUSY');
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
