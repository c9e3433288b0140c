import type { RowWrite } from '../../database/batch-statement.ts';
import type { NewEvent } from '../../domain/events.ts';
import type { ToolCall } from '../../domain/step.ts';
import { encryptedInputOf, insertEncryptedInput } from '../../repositories/encrypted-inputs.ts';
import type { RevealedInput } from '../../tools/secret-store.ts';
import type { RunExecution } from '../run-execution.ts';

/** Rows with the encrypted credentials of these calls, for any server that executes them later. None without a secret key. */
export function encryptInputs({ dependencies, lease }: RunExecution, events: readonly NewEvent[]): RowWrite[] {
  const { runId, sessionId } = lease;
  return events.flatMap(({ type, payload }) => {
    if (type !== 'tool_call') return [];
    const { callId, input } = payload;
    const encrypted = dependencies.secretStore.encrypt({ sessionId, callId }, input);
    return encrypted === null ? [] : [insertEncryptedInput({ callId, runId, encrypted })];
  });
}

/** The input with its credentials, from the memory of this server or from the encrypted row of the call. */
export async function revealInput(execution: RunExecution, { callId, input }: ToolCall): Promise<RevealedInput> {
  const { secretStore, database } = execution.dependencies;
  const call = { sessionId: execution.lease.sessionId, callId };
  const revealed = secretStore.reveal(call, input);
  if (revealed.ok) return revealed;
  const encrypted = await encryptedInputOf(database.reader, callId);
  if (encrypted === null) return revealed;
  secretStore.decrypt(call, encrypted);
  return secretStore.reveal(call, input);
}
