import { inject, onTestFinished } from 'vitest';
import { createDatabase, dropDatabase } from './databases.ts';

/** Creates a migrated database for one test and returns its URL. */
export async function createTestDatabase(): Promise<string> {
  const { url: admin, template } = inject('postgres');
  const { url, name } = await createDatabase(admin, template);
  onTestFinished(() => dropDatabase(admin, name));
  return url;
}
