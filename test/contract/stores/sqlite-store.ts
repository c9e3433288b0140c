import { onTestFinished } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import type { Database } from '../../../src/database/database.ts';
import { openSqlite } from '../../../src/database/sqlite/sqlite.ts';
import { createDatabaseJournal } from '../../../src/journal/database-journal.ts';
import type { Journal, OnCommitted } from '../../../src/journal/journal.ts';
import { copyTemplate } from '../../sqlite-files.ts';

export interface SqliteStore {
  path: string;
  database: Database;
  journal: Journal;
  /** Safe to repeat. */
  close(): Promise<void>;
}

/** Opens a file for one test, which is created if it does not exist. Without a path it is a copy of the migrated template. */
export async function openStore(givenPath?: string, onCommitted: OnCommitted = () => undefined): Promise<SqliteStore> {
  const path = givenPath ?? (await copyTemplate());
  const database = await openSqlite({ url: `file:${path}`, durability: 'full' });
  const journal = createDatabaseJournal(database, systemClock, onCommitted);
  let closing: Promise<void> | null = null;
  const close = () => {
    closing ??= journal.idle().then(() => database.close());
    return closing;
  };
  onTestFinished(close);
  return { path, database, journal, close };
}
