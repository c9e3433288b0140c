import { onTestFinished } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import type { Database } from '../../../src/database/database.ts';
import { openSqlite, type SqliteOptions } from '../../../src/database/sqlite/sqlite.ts';
import { writingStatement } from '../../../src/database/statement.ts';
import { createDatabaseJournal } from '../../../src/journal/database-journal.ts';
import type { Journal, OnCommitted } from '../../../src/journal/journal.ts';
import { copyTemplate } from '../../sqlite-files.ts';
import { poll } from '../../until.ts';

export interface SqliteStore {
  path: string;
  database: Database;
  journal: Journal;
  /** Safe to repeat. */
  close(): Promise<void>;
}

/** Opens a file for one test, which is created if it does not exist. Without a path it is a copy of the migrated template. */
export async function openStore(
  givenPath?: string,
  onCommitted: OnCommitted = () => undefined,
  options: Pick<SqliteOptions, 'threadThresholds' | 'smallBytes'> = {},
): Promise<SqliteStore> {
  const path = givenPath ?? (await copyTemplate());
  const database = await openSqlite({ url: `file:${path}`, durability: 'full', ...options });
  const journal = createDatabaseJournal(database, systemClock, onCommitted);
  let closing: Promise<void> | null = null;
  const close = () => {
    closing ??= journal.idle().then(() => database.close());
    return closing;
  };
  onTestFinished(close);
  return { path, database, journal, close };
}

/** As `openStore`. A thread writes, which runs when this resolves. */
export async function openThreadedStore(onCommitted?: OnCommitted): Promise<SqliteStore> {
  const store = await openStore(undefined, onCommitted, { threadThresholds: { milliseconds: 0, callers: 0 } });
  const { database } = store;
  await database.query(changePurges('INSERT INTO "Purge" ("sessionId") VALUES (\'ses_1\')'));
  await database.query(changePurges('DELETE FROM "Purge"'));
  await poll(async () => (await database.query(changesOfConnection))[0]?.changes === 0);
  return store;
}

const changePurges = (sql: string) =>
  writingStatement<{ sessionId: string }>({ sessionId: 'text' }, () => `${sql} RETURNING "sessionId"`);
/** What the connection has changed that executes this. */
const changesOfConnection = writingStatement<{ changes: number }>({ changes: 'int' }, () => 'SELECT total_changes()');
