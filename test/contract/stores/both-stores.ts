import type { Provider } from '../../../src/database/database.ts';
import { openStore as openPostgresStore, type PostgresStore } from './postgres-store.ts';
import { openStore as openSqliteStore, type SqliteStore } from './sqlite-store.ts';

/** What a test needs that runs on both stores. */
export type Store = Pick<SqliteStore & PostgresStore, 'database' | 'journal'>;

/** Each opens a new database for one test. */
export const stores: [Provider, () => Promise<Store>][] = [
  ['sqlite', () => openSqliteStore()],
  ['postgresql', () => openPostgresStore()],
];
