import type { Client } from '../database/database.ts';
import type { EncryptedInput } from '../database/generated/sqlite/client.ts';
import { defineTable, deleteRows } from '../database/table.ts';

const encryptedInputs = defineTable<EncryptedInput>('EncryptedInput', {
  callId: 'text',
  runId: 'text',
  encrypted: 'text',
});

/** Stores the credentials of a call's input, in the append of the call or of the decision that replaces its input. */
export const insertEncryptedInput = encryptedInputs.insert({
  order: 26,
  replace: { key: ['callId'], fixed: ['runId'] },
});

export const deleteEncryptedInput = deleteRows('EncryptedInput', 'callId', 27);

/** Null if the call's input has no encrypted part, or the call is settled. */
export async function encryptedInputOf(reader: Client, callId: string): Promise<string | null> {
  const row = await reader.encryptedInput.findUnique({ where: { callId }, select: { encrypted: true } });
  return row?.encrypted ?? null;
}

/** The credentials of the call that was recorded last of those that are not settled; null if there are none. */
export async function newestEncryptedInput(
  reader: Client,
): Promise<{ sessionId: string; callId: string; encrypted: string } | null> {
  const row = await reader.encryptedInput.findFirst({
    orderBy: { callId: 'desc' },
    select: { callId: true, encrypted: true, tape: { select: { sessionId: true } } },
  });
  return row && { sessionId: row.tape.sessionId, callId: row.callId, encrypted: row.encrypted };
}
