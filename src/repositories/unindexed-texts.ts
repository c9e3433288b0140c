import { batchWriter } from '../database/batch-statement.ts';
import type { Database } from '../database/database.ts';
import type { UnindexedText } from '../database/generated/sqlite/client.ts';
import { idList, type SqlParts, type Statement, statement } from '../database/statement.ts';
import { defineTable } from '../database/table.ts';

const rows = defineTable<UnindexedText>('UnindexedText', { runId: 'text', seq: 'int' });

/** Remembers that the text of an event is not in the search index yet. */
export const insertUnindexedText = rows.insert({ order: 80 });

/** Forgets it, in the transaction that adds the text to the index. */
export const deleteUnindexedText = batchWriter<UnindexedText>(
  { order: 3, distinct: ['runId', 'seq'], columns: { runId: 'text', seq: 'int' } },
  ({ rows: source, value }) =>
    `DELETE FROM "UnindexedText" WHERE ("runId", "seq") IN (SELECT ${value('runId')}, ${value('seq')} FROM ${source})`,
);

export interface QueuedText {
  runId: string;
  seq: number;
  sessionId: string;
  /** Of the event, as JSON. */
  payload: string;
}

const select = (where: (parts: SqlParts) => string): Statement<QueuedText> => ({
  ...statement<QueuedText>(
    { runId: 'text', seq: 'int', sessionId: 'text', payload: 'text' },
    (parts) => `SELECT "UnindexedText"."runId", "UnindexedText"."seq", "Tape"."sessionId", "Event"."payload"
      FROM "UnindexedText" JOIN "Tape" ON "Tape"."runId" = "UnindexedText"."runId"
      JOIN "Event" ON "Event"."runId" = "UnindexedText"."runId" AND "Event"."seq" = "UnindexedText"."seq"
      WHERE ${where(parts)} ORDER BY "UnindexedText"."runId", "UnindexedText"."seq" LIMIT ?`,
  ),
  reads: 'many',
});

const ofRuns = select(({ inIds }) => `"UnindexedText"."runId" ${inIds}`);
const ofAllRuns = select(() => 'true');

/** Texts that are not in the search index yet, those of the oldest runs first. */
export function unindexedTexts(
  database: Database,
  { runIds, limit }: { runIds: readonly string[] | null; limit: number },
): Promise<QueuedText[]> {
  return runIds === null ? database.query(ofAllRuns, limit) : database.query(ofRuns, idList(runIds), limit);
}
