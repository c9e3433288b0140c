import { batchWriter } from '../database/batch-statement.ts';
import type { Database } from '../database/database.ts';
import { statement } from '../database/statement.ts';
import { countMemories } from './memories.ts';

/** What one principal has stored, in bytes and numbers of rows. */
export interface StoredAmounts {
  /** Events and stored texts of ended runs, and the files of attachments. */
  storedBytes: number;
  /** Archived ones too. */
  sessions: number;
  memories: number;
}

const ofSessions = statement<Pick<StoredAmounts, 'storedBytes' | 'sessions'>>(
  { storedBytes: 'bigint', sessions: 'int' },
  // The index has all columns, so that no session is read.
  ({ indexedBy }) => `SELECT CAST(coalesce(sum("storedBytes"), 0) AS bigint), count(*)
      FROM "Session" ${indexedBy('Session_owner_activeAt_id_storedBytes_idx')} WHERE "owner" = ?`,
);

/** Equal files are stored once. */
const ofFiles = statement<Pick<StoredAmounts, 'storedBytes'>>(
  { storedBytes: 'bigint' },
  ({ indexedBy }) => `SELECT CAST(coalesce(sum("bytes"), 0) AS bigint) FROM (SELECT DISTINCT "blobId", "bytes"
      FROM "Attachment" ${indexedBy('Attachment_owner_blobId_bytes_idx')} WHERE "owner" = ?) AS files`,
);

/** Counts what a principal has stored, without its memories. */
export async function storedInSessions(
  database: Database,
  owner: string,
): Promise<Pick<StoredAmounts, 'storedBytes' | 'sessions'>> {
  const [sessions] = await database.query({ ...ofSessions, scansRowsOf: owner }, owner);
  const [files] = await database.query({ ...ofFiles, scansRowsOf: owner }, owner);
  return {
    storedBytes: (sessions?.storedBytes ?? 0) + (files?.storedBytes ?? 0),
    sessions: sessions?.sessions ?? 0,
  };
}

export async function storedAmounts(database: Database, owner: string): Promise<StoredAmounts> {
  return { ...(await storedInSessions(database, owner)), memories: await countMemories(database.reader, owner) };
}

/** Fails the append if the owner has more sessions than this after it: other requests can create sessions at the same time. */
export const expectSessions = batchWriter<{ owner: string; most: number }>(
  // After the new sessions.
  { order: 14, distinct: ['owner'], columns: { owner: 'text', most: 'int' } },
  ({ dialect, rows, value }) =>
    dialect === 'sqlite'
      ? `INSERT INTO "SessionQuota" ("owner", "most") SELECT ${value('owner')}, ${value('most')} FROM ${rows}`
      : // In the order of the owners: two servers cannot deadlock.
        `SELECT "session_quota"(element."owner", element."most") FROM (SELECT * FROM ${rows} ORDER BY "owner") AS element`,
);
