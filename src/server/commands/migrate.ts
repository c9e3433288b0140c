import type { Configuration } from '../../config/configuration.ts';
import { describeUrl } from '../../database/open-database.ts';
import { openStore } from '../store.ts';
import { withStoreFailures } from './store-failure.ts';

/** Applies the migrations of this release. `serve` does the same at start; this command does it in advance. */
export async function migrateCommand(configuration: Configuration): Promise<void> {
  const database = await withStoreFailures(configuration.databaseUrl, () => openStore(configuration));
  await database.close();
  process.stdout.write(`${describeUrl(configuration.databaseUrl)} is up to date.\n`);
}
