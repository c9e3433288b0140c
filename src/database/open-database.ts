import type { Database } from './database.ts';

export interface DatabaseOptions {
  /** `file:` and a path, or `postgres://…`. */
  url: string;
  durability: 'full' | 'normal';
  /** Of Postgres, open at the same time. */
  connections: number;
}

export type Store = 'sqlite' | 'postgresql';

export function storeOf(url: string): Store {
  return /^postgres(ql)?:/.test(url) ? 'postgresql' : 'sqlite';
}

/** Opens the database, the newest migration applied. What the other kind of store needs is not even loaded. Throws a StartError. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  if (storeOf(options.url) === 'postgresql') return (await import('./postgres/postgres.ts')).openPostgres(options);
  return (await import('./sqlite/sqlite.ts')).openSqlite(options);
}

/** Opens the database to look at it, also while servers use it. Throws a StartError. */
export async function openForReading(url: string): Promise<Database> {
  if (storeOf(url) === 'postgresql') return (await import('./postgres/postgres.ts')).openPostgresForReading(url);
  return (await import('./sqlite/sqlite.ts')).openSqliteForReading(url);
}

/** What a URL names, for people: without a password. */
export function describeUrl(url: string): string {
  return url.replace(/(:\/\/[^/@]*?):[^/@]*@/, '$1@');
}
