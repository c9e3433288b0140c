import type { Configuration } from '../../config/configuration.ts';
import { openSqlite } from '../../database/sqlite.ts';

/** Brings the database to this release. Serving does the same; this is for those who want it done before. */
export async function migrateCommand({ databaseUrl, durability }: Configuration): Promise<void> {
  const database = await openSqlite({ url: databaseUrl, durability });
  await database.close();
  process.stdout.write(`${databaseUrl} is up to date.\n`);
}
