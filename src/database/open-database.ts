import type { Database } from './database.ts';

export interface DatabaseOptions {
  /** `file:` and a path, or `postgres://…`. */
  url: string;
  /** With `normal`, a power failure may undo the last writes; a crash of the process does not. */
  durability: 'full' | 'normal';
  /** Connections to Postgres that may be open at the same time. SQLite ignores it. */
  connections: number;
}

/**
 * Opens the database and applies the missing migrations. Loads the code of its kind of store only. Throws a StartError, after
 * closing what it had opened.
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  if (isPostgres(options.url)) return (await import('./postgres/postgres.ts')).openPostgres(options);
  return (await import('./sqlite/sqlite.ts')).openSqlite(options);
}

/** Opens the database for reading, also while servers use it. Applies no migrations. Throws a StartError. */
export async function openForReading(url: string): Promise<Database> {
  if (isPostgres(url)) return (await import('./postgres/postgres.ts')).openPostgresForReading(url);
  return (await import('./sqlite/sqlite.ts')).openSqliteForReading(url);
}

const isPostgres = (url: string) => /^postgres(ql)?:/.test(url);

/** The URL without a password, for messages to people. */
export function describeUrl(url: string): string {
  return url.replace(/(:\/\/[^/@]*?):[^/@]*@/, '$1@');
}
