import { onTestFinished } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import type { Database } from '../../../src/database/database.ts';
import { openPostgres } from '../../../src/database/postgres/postgres.ts';
import { createDatabaseJournal } from '../../../src/journal/database-journal.ts';
import type { Journal, OnCommitted } from '../../../src/journal/journal.ts';
import { createTestDatabase } from '../../postgres/test-database.ts';

export interface PostgresStore {
  url: string;
  database: Database;
  journal: Journal;
  /** Safe to repeat. */
  close(): Promise<void>;
}

/** Opens a database for one test. Creates one if there is no URL. */
export async function openStore(
  existingUrl?: string,
  onCommitted: OnCommitted = () => undefined,
): Promise<PostgresStore> {
  const url = existingUrl ?? (await createTestDatabase());
  const database = await openPostgres({ url, durability: 'full', connections: 8 });
  const journal = createDatabaseJournal(database, systemClock, onCommitted);
  let closing: Promise<void> | null = null;
  const close = () => {
    closing ??= journal.idle().then(() => database.close());
    return closing;
  };
  onTestFinished(close);
  return { url, database, journal, close };
}
