import { batchInsert, type RowWrite } from '../database/batch-statement.ts';

const insertStatement = batchInsert({
  name: 'insert attachment',
  order: 25,
  table: 'Attachment',
  columns: { id: 'text', runId: 'text', content: 'text' },
  key: ['id'],
  replace: [],
  onConflict: 'refuse',
});

/** Stands beside the tape for an output that is too large for its event; goes into the same append. */
export function insertAttachment(attachment: { id: string; runId: string; content: string }): RowWrite {
  return { statement: insertStatement, row: attachment };
}
