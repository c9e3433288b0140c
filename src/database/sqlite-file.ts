import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import BetterSqlite from 'better-sqlite3';
import { StartError } from '../config/start-error.ts';

/** The path that a `file:` URL names, its folder made and its state checked. Throws a StartError. */
export function prepareSqliteFile(url: string): string {
  const path = pathOf(url);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory()) {
    throw new StartError(`DATABASE_URL names a directory: ${path}. Name a file in it, for example ${path}/runtape.db.`);
  }
  try {
    mkdirSync(dirname(path), { recursive: true });
    accessSync(found ? path : dirname(path), constants.R_OK | constants.W_OK);
    accessSync(dirname(path), constants.W_OK);
  } catch (error) {
    throw new StartError(`The database ${path} can not be written: ${reason(error)}. Check who owns it.`, error);
  }
  return path;
}

/** The path that a `file:` URL names, where there is a file already. Throws a StartError. */
export function existingSqliteFile(url: string): string {
  const path = pathOf(url);
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) throw new StartError(`There is no database ${path}.`);
  return path;
}

const pathOf = (url: string) => resolve(url.replace(/^file:(\/\/)?/, ''));

/**
 * Holds the file for this process alone. The lock is a lock of the operating system on a small file beside the database:
 * it goes with the process, however that ends. Throws a StartError where another server holds it.
 */
export function lockSqliteFile(path: string): () => void {
  const lock = new BetterSqlite(`${path}-lock`, { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    throw new StartError(
      `Another server uses ${path}. Stop it, name another file in DATABASE_URL, or run several servers on Postgres.`,
      error,
    );
  }
  return () => lock.close();
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
