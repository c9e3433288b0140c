import { systemClock } from '../../clock.ts';
import type { Configuration } from '../../config/configuration.ts';
import { createDatabaseJournal } from '../../journal/database-journal.ts';
import { rebuildProjections } from '../../run-store/rebuild.ts';
import { openStore } from '../store.ts';

/** Rebuilds the projected rows from the tapes. No server may use the database meanwhile. */
export async function rebuildCommand(configuration: Configuration): Promise<void> {
  const database = await openStore(configuration);
  try {
    const runs = await rebuildProjections(database, createDatabaseJournal(database, systemClock));
    process.stdout.write(`${runs} runs rebuilt from their tapes\n`);
  } finally {
    await database.close();
  }
}
