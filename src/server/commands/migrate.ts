import type { Configuration } from '../../config/configuration.ts';
import { describeUrl } from '../../database/open-database.ts';
import { openStore } from '../store.ts';

/** Brings the database to this release. Serving does the same; this is for those who want it done before. */
export async function migrateCommand(configuration: Configuration): Promise<void> {
  const database = await openStore(configuration);
  await database.close();
  process.stdout.write(`${describeUrl(configuration.databaseUrl)} is up to date.\n`);
}
