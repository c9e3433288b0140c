import type { Database } from '../database/database.ts';
import type { StoredText } from '../database/generated/sqlite/client.ts';
import { idList } from '../database/statement.ts';
import { defineTable } from '../database/table.ts';

const storedTexts = defineTable<StoredText>('StoredText', { id: 'text', runId: 'text', content: 'text' });

/** Stores a text that is too large for its event, in the append of that event. */
export const insertStoredText = storedTexts.insert({ order: 25 });

const byIds = storedTexts.select(({ inIds }) => `WHERE "id" ${inIds}`);

/** Texts by their ids. Does not check access: the ids must come from events or rows that the viewer may see. */
export async function storedTextsByIds(database: Database, ids: readonly string[]): Promise<Map<string, string>> {
  const rows = await database.query(byIds, idList(ids));
  return new Map(rows.map(({ id, content }) => [id, content]));
}
