import { systemClock } from '../../clock.ts';
import type { Configuration } from '../../config/configuration.ts';
import { StartError } from '../../config/start-error.ts';
import { createDatabaseJournal } from '../../journal/database-journal.ts';
import { rebuildProjections } from '../../run-store/rebuild.ts';
import { counted } from '../counted.ts';
import { openStore } from '../store.ts';
import { withStoreFailures } from './store-failure.ts';
import { verifyJournal } from './verify.ts';

/** Rebuilds the projected rows from the tapes. No server may use the database meanwhile. */
export async function rebuildCommand(configuration: Configuration): Promise<void> {
  const { databaseUrl } = configuration;
  // Nothing is rebuilt from tapes that are broken, and what they say is not lost.
  const { broken } = await withStoreFailures(databaseUrl, () => verifyJournal(databaseUrl, () => undefined));
  if (broken > 0) {
    throw new StartError(
      `The rows cannot be rebuilt: ${counted(broken, 'tape')} ${broken === 1 ? 'is' : 'are'} broken. ` +
        'Nothing was changed. `verify` names the broken events; restore the database from a backup.',
    );
  }
  await withStoreFailures(databaseUrl, async () => {
    const database = await openStore(configuration);
    try {
      const runs = await rebuildProjections(database, createDatabaseJournal(database, systemClock));
      process.stdout.write(`${counted(runs, 'run')} rebuilt from the tapes\n`);
    } finally {
      await database.close();
    }
  });
}
