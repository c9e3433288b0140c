import type { RowWrite } from '../../database/batch-statement.ts';
import type { NewEvent } from '../../domain/events.ts';
import type { ToolCall } from '../../domain/step.ts';
import { insertSealedInput, sealedInputOf } from '../../projections/recording/sealed-inputs.ts';
import type { RevealedInput } from '../../tools/secret-vault.ts';
import type { Environment } from '../environment.ts';
import type { Lease } from '../leases.ts';

/** The credentials of these calls, for whichever server executes them, and whenever; none without a key. */
export function sealCalls({ world }: Environment, lease: Lease, events: readonly NewEvent[]): RowWrite[] {
  const { runId, sessionId } = lease;
  return events.flatMap(({ type, payload }) => {
    if (type !== 'tool_call') return [];
    const { callId, input } = payload;
    const sealed = world.secrets.seal({ sessionId, callId }, input);
    return sealed === null ? [] : [insertSealedInput({ callId, runId, sealed })];
  });
}

/** The input as the tool needs it: from memory, or from what was sealed for the call. */
export async function revealInput(
  { world: { secrets }, store }: Environment,
  sessionId: string,
  { callId, input }: ToolCall,
): Promise<RevealedInput> {
  const remembered = secrets.reveal(sessionId, input);
  if (remembered.ok) return remembered;
  const sealed = await sealedInputOf(store.database.reader, callId);
  if (sealed === null) return remembered;
  secrets.unseal({ sessionId, callId }, sealed);
  return secrets.reveal(sessionId, input);
}
