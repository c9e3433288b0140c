import type { Database } from './database.ts';
import { checkSchema } from './expected-schema.ts';
import { checkMigrated, readMigrations } from './migrations.ts';

export interface DatabaseOptions {
  /** `file:` and a path, or `postgres://…`. */
  url: string;
  /** With `normal`, a power failure may undo the last writes; a crash of the process does not. */
  durability: 'full' | 'normal';
  /** Connections to Postgres that may be open at the same time. SQLite ignores it. */
  connections: number;
  /** Whether connections to Postgres prepare statements, which some connection poolers do not support. On by default. */
  preparedStatements?: boolean;
}

/**
 * Opens the database, applies the missing migrations and checks the schema that results. Loads the code of its kind of store only. Throws a StartError, after
 * closing what it had opened.
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const database = isPostgres(options.url)
    ? await (await import('./postgres/postgres.ts')).openPostgres(options)
    : await (await import('./sqlite/sqlite.ts')).openSqlite(options);
  try {
    await checkSchema(database, describeUrl(options.url));
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Opens the database for reading, also while servers use it. Applies no migrations. Throws a StartError. */
export async function openForReading(url: string): Promise<Database> {
  if (isPostgres(url)) return (await import('./postgres/postgres.ts')).openPostgresForReading(url);
  return (await import('./sqlite/sqlite.ts')).openSqliteForReading(url);
}

/** As `openForReading`. Also throws a StartError if the database has other migrations than this release. */
export async function openMigrated(url: string): Promise<Database> {
  const database = await openForReading(url);
  const { provider, reader } = database;
  try {
    const query = (sql: string) => reader.$queryRawUnsafe<Record<string, unknown>[]>(sql);
    await checkMigrated({ provider, databaseName: describeUrl(url), query }, await readMigrations(provider));
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

const isPostgres = (url: string) => /^postgres(ql)?:/.test(url);

/** The URL without a password, for messages to people. */
export function describeUrl(url: string): string {
  return url.replace(/(:\/\/[^/@]*?):[^/@]*@/, '$1@');
}
