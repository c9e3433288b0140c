import { systemClock } from '../../clock.ts';
import type { Configuration } from '../../config/configuration.ts';
import { createDatabaseJournal } from '../../journal/database-journal.ts';
import { rebuildProjections } from '../../run-store/rebuild.ts';
import { openStore } from '../store.ts';

/** Makes the rows that queries read anew from the tapes, while no server runs. */
export async function rebuildCommand(configuration: Configuration): Promise<void> {
  const database = await openStore(configuration);
  try {
    const runs = await rebuildProjections(database, createDatabaseJournal(database, systemClock));
    process.stdout.write(`${runs} runs rebuilt from their tapes\n`);
  } finally {
    await database.close();
  }
}
