import type { TestProject } from 'vitest/node';
import { migratePostgres } from '../../src/database/postgres/migrate.ts';
import { createDatabase, dropDatabase } from './databases.ts';
import { startPostgres } from './server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where databases can be made, and the migrated one that they are copies of. */
    postgres: { url: string; template: string };
    /** Where the gateways of a project keep their tapes. */
    store: 'sqlite' | 'postgresql';
  }
}

/** One Postgres for all tests of a project. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startPostgres();
  const template = await createDatabase(server.url);
  await migratePostgres(template.url);
  project.provide('postgres', { url: server.url, template: template.name });
  return async () => {
    await dropDatabase(server.url, template.name);
    await server.stop();
  };
}
