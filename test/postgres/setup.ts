import type { TestProject } from 'vitest/node';
import { systemClock } from '../../src/clock.ts';
import { readMigrations } from '../../src/database/migrations.ts';
import { migratePostgres } from '../../src/database/postgres/migrate.ts';
import { databaseRoot } from '../database-root.ts';
import { createDatabase, dropDatabase } from './databases.ts';
import { startPostgres } from './server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The server for test databases, and the migrated database that they are copies of. */
    postgres: { url: string; template: string };
    /** The store of a project's gateways. */
    store: 'sqlite' | 'postgresql';
  }
}

/** Starts one Postgres server for all tests of a project. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startPostgres({ max_wal_size: '256MB' }, databaseRoot());
  const template = await createDatabase(server.url);
  await migratePostgres(template.url, await readMigrations('postgresql'), systemClock);
  project.provide('postgres', { url: server.url, template: template.name });
  return async () => {
    await dropDatabase(server.url, template.name);
    await server.stop();
  };
}
