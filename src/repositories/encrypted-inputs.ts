import { type BatchStatement, batchInsert, type RowWrite } from '../database/batch-statement.ts';
import type { Client } from '../database/database.ts';

const insertStatement = batchInsert({
  name: 'insert encrypted input',
  order: 26,
  table: 'EncryptedInput',
  columns: { callId: 'text', runId: 'text', encrypted: 'text' },
  key: ['callId'],
  replace: ['encrypted'],
  onConflict: 'replace',
});

const deleteStatement: BatchStatement = {
  name: 'delete encrypted input',
  order: 27,
  distinct: ['callId'],
  sqlite: `DELETE FROM "EncryptedInput" WHERE "callId" IN (SELECT element.value ->> 'callId' FROM json_each(?) AS element)`,
  postgresql: `DELETE FROM "EncryptedInput" WHERE "callId" IN (SELECT element."callId" FROM jsonb_to_recordset($1::jsonb) AS element("callId" text))`,
};

/** Goes into the append of the call, or of the decision that put another input in its place. */
export function insertEncryptedInput(input: { callId: string; runId: string; encrypted: string }): RowWrite {
  return { statement: insertStatement, row: input };
}

export function deleteEncryptedInput(callId: string): RowWrite {
  return { statement: deleteStatement, row: { callId } };
}

/** Null where nothing was sealed for the call, or it is settled. */
export async function encryptedInputOf(reader: Client, callId: string): Promise<string | null> {
  const row = await reader.encryptedInput.findUnique({ where: { callId }, select: { encrypted: true } });
  return row?.encrypted ?? null;
}
