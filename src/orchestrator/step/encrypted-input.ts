import type { RowWrite } from '../../database/batch-statement.ts';
import type { NewEvent } from '../../domain/events.ts';
import type { ToolCall } from '../../domain/step.ts';
import { encryptedInputOf, insertEncryptedInput } from '../../repositories/encrypted-inputs.ts';
import type { RevealedInput } from '../../tools/secret-store.ts';
import type { OrchestratorDependencies } from '../dependencies.ts';
import type { Lease } from '../leases.ts';

/** The credentials of these calls, for whichever server executes them, and whenever; none without a key. */
export function encryptInputs(
  { services: world }: OrchestratorDependencies,
  lease: Lease,
  events: readonly NewEvent[],
): RowWrite[] {
  const { runId, sessionId } = lease;
  return events.flatMap(({ type, payload }) => {
    if (type !== 'tool_call') return [];
    const { callId, input } = payload;
    const sealed = world.secretStore.encrypt({ sessionId, callId }, input);
    return sealed === null ? [] : [insertEncryptedInput({ callId, runId, sealed })];
  });
}

/** The input as the tool needs it: from memory, or from what was sealed for the call. */
export async function revealInput(
  { services: { secretStore: secrets }, store }: OrchestratorDependencies,
  sessionId: string,
  { callId, input }: ToolCall,
): Promise<RevealedInput> {
  const remembered = secrets.reveal(sessionId, input);
  if (remembered.ok) return remembered;
  const sealed = await encryptedInputOf(store.database.reader, callId);
  if (sealed === null) return remembered;
  secrets.decrypt({ sessionId, callId }, sealed);
  return secrets.reveal(sessionId, input);
}
