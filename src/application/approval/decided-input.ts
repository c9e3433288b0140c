import type { RowWrite } from '../../database/batch-statement.ts';
import type { Json } from '../../domain/events.ts';
import { holdsPlaceholder, placeholdersOf } from '../../domain/secrets/mask.ts';
import type { ApprovalRow } from '../../projections/approvals.ts';
import { deleteEncryptedInput, encryptedInputOf, insertEncryptedInput } from '../../repositories/encrypted-inputs.ts';
import type { CommandContext } from '../command-context.ts';

/** An approver can keep the placeholders of an input, and remove them, but not add credentials of other calls. */
export function addedPlaceholderProblem(recordedInput: Json, editedInput: Json): string | null {
  const known = new Set(placeholdersOf(recordedInput));
  const added = placeholdersOf(editedInput).filter((placeholder) => !known.has(placeholder));
  if (added.length === 0) return null;
  const belong = added.length === 1 ? 'belongs' : 'belong';
  return `${added.join(', ')} ${belong} to another call. Type the credential itself.`;
}

/**
 * The encrypted credentials of the input that is allowed: those of the model's input that are still in it, those that the
 * approver typed, and those of other calls, which the approver saw and allowed.
 */
export async function encryptedInputRows(
  { database, secretStore }: CommandContext,
  { callId, runId, sessionId }: ApprovalRow,
  { decision, editedInput }: { decision: 'ALLOW' | 'DENY'; editedInput?: Json },
  recordedInput: Json,
): Promise<RowWrite[]> {
  const input = editedInput ?? recordedInput;
  if (decision === 'DENY' || ![recordedInput, input].some(holdsPlaceholder)) return [];
  const call = { sessionId, callId };
  const before = await encryptedInputOf(database.reader, callId);
  if (before !== null) secretStore.decrypt(call, before);
  secretStore.adopt(call, input);
  const encrypted = secretStore.encrypt(call, input);
  if (encrypted !== null) return [insertEncryptedInput({ callId, runId, encrypted })];
  return before === null || editedInput == null ? [] : [deleteEncryptedInput(callId)];
}
