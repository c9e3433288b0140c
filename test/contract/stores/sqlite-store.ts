import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import type { Database } from '../../../src/database/database.ts';
import { openSqlite } from '../../../src/database/sqlite/sqlite.ts';
import { createDatabaseJournal } from '../../../src/journal/database-journal.ts';
import type { Journal, OnCommitted } from '../../../src/journal/journal.ts';

/** A folder that is removed when the test ends. */
export async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'runtape-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export interface SqliteStore {
  path: string;
  database: Database;
  journal: Journal;
  /** Safe to repeat. */
  close(): Promise<void>;
}

/** Opens a file for one test. Creates one if there is no path. */
export async function openStore(
  existingPath?: string,
  onCommitted: OnCommitted = () => undefined,
): Promise<SqliteStore> {
  const path = existingPath ?? join(await makeFolder(), 'runtape.db');
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
