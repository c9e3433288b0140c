import type { Configuration } from '../../config/configuration.ts';
import { openSqlite } from '../../database/sqlite.ts';
import { createDatabaseJournal } from '../../journal/database-journal.ts';
import { rebuildProjections } from '../../projections/recording/rebuild.ts';

/** Makes the rows that queries read anew from the tapes, while no server runs. */
export async function rebuildCommand({ databaseUrl, durability }: Configuration): Promise<void> {
  const database = await openSqlite({ url: databaseUrl, durability });
  try {
    const runs = await rebuildProjections(
      database,
      createDatabaseJournal(database, () => undefined),
    );
    process.stdout.write(`${runs} runs rebuilt from their tapes\n`);
  } finally {
    await database.close();
  }
}
