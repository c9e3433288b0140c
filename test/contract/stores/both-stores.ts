import { inject } from 'vitest';
import type { Provider } from '../../../src/database/database.ts';
import { openStore as openPostgresStore, type PostgresStore } from './postgres-store.ts';
import { openStore as openSqliteStore, type SqliteStore } from './sqlite-store.ts';

/** What a test needs that runs on both stores. */
export type Store = Pick<SqliteStore & PostgresStore, 'database' | 'journal'>;

const both: [Provider, () => Promise<Store>][] = [
  ['sqlite', () => openSqliteStore()],
  ['postgresql', () => openPostgresStore()],
];
/** Set by the configuration of mutation tests, which run without Postgres. */
const only = inject('store') as Provider | undefined;

/** Each opens a new database for one test. */
export const stores = both.filter(([provider]) => only === undefined || provider === only);
