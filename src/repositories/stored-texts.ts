import { createHash } from 'node:crypto';
import type { RowWrite } from '../database/batch-statement.ts';
import type { Database } from '../database/database.ts';
import type { StoredText } from '../database/generated/sqlite/client.ts';
import { idList, statement } from '../database/statement.ts';
import { defineTable } from '../database/table.ts';
import type { StoredTextRef } from '../domain/events.ts';
import type { NewId } from '../ids.ts';

const storedTexts = defineTable<StoredText>('StoredText', { id: 'text', runId: 'text', content: 'text' });

const insertStoredText = storedTexts.insert({ order: 25 });

/** Stores a text beside the tape, in the append of the event that refers to it. */
export function storeText(newId: NewId, runId: string, content: string): { storedText: StoredTextRef; row: RowWrite } {
  const id = newId('storedText');
  const sha256 = createHash('sha256').update(content).digest('hex');
  return {
    storedText: { id, bytes: Buffer.byteLength(content), sha256 },
    row: insertStoredText({ id, runId, content }),
  };
}

const byIds = storedTexts.select(({ inIds }) => `WHERE "id" ${inIds}`);

/** Texts by their ids. Does not check access: the ids must come from events or rows that the viewer may see. */
export async function storedTextsByIds(database: Database, ids: readonly string[]): Promise<Map<string, string>> {
  const rows = await database.query(byIds, idList(ids));
  return new Map(rows.map(({ id, content }) => [id, content]));
}

const lengthsByIds = statement<{ id: string; bytes: number }>(
  { id: 'text', bytes: 'int' },
  ({ inIds }) => `SELECT "id", octet_length("content") AS "bytes" FROM "StoredText" WHERE "id" ${inIds}`,
);

/** The lengths of texts in bytes, by their ids, without reading the texts. */
export async function storedTextLengths(database: Database, ids: readonly string[]): Promise<Map<string, number>> {
  const rows = await database.query(lengthsByIds, idList(ids));
  return new Map(rows.map(({ id, bytes }) => [id, bytes]));
}
