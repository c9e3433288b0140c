import type { RowWrite } from '../database/batch-statement.ts';
import { changesOf } from '../domain/activity.ts';
import type { SequencedEvent } from '../domain/events.ts';
import type { Run } from '../domain/run.ts';
import { holdsPlaceholder } from '../domain/secrets/mask.ts';
import { callsOf } from '../domain/step.ts';
import { isTerminal } from '../domain/transitions.ts';
import { attachmentUseRows } from '../projections/attachment-uses.ts';
import { conversationPassages } from '../projections/conversation-index.ts';
import { runMetadataRows } from '../projections/run-metadata.ts';
import { runRows } from '../projections/runs.ts';
import { sessionActivityRows } from '../projections/session-activity.ts';
import { waitRows } from '../projections/waits.ts';
import { recordChange } from '../repositories/activity.ts';
import { deleteEncryptedInput } from '../repositories/encrypted-inputs.ts';

/**
 * Returns every row that follows from an append and is written in its transaction.
 *
 * @param before the fold without the events; null for a new tape
 * @param after the fold with the events
 */
export function rowsOfAppend(before: Run | null, after: Run, events: readonly SequencedEvent[]): RowWrite[] {
  return [
    ...runRows(after, events),
    ...runMetadataRows(after, events),
    ...waitRows(after, events),
    ...attachmentUseRows(events),
    ...conversationPassages(after, events),
    ...sessionActivityRows(after, events),
    ...settledEncryptedInputs(before, events),
    ...changesOf({ runId: after.runId, sessionId: after.origin.sessionId }, events).map((change) =>
      recordChange(change),
    ),
  ];
}

/** Deletes the encrypted inputs of the calls that these events settle, or of all calls if the run ends. */
function settledEncryptedInputs(before: Run | null, events: readonly SequencedEvent[]): RowWrite[] {
  const isEnd = events.some(({ type, payload }) => type === 'status' && isTerminal(payload.to));
  const settled = new Set(events.flatMap(({ type, payload }) => (type === 'tool_result' ? [payload.callId] : [])));
  if (!isEnd && settled.size === 0) return [];
  const requested = events.flatMap(({ type, payload }) => (type === 'tool_call' ? [payload] : []));
  return [...(before ? callsOf(before.step) : []), ...requested]
    .filter(({ callId, input }) => (isEnd || settled.has(callId)) && holdsPlaceholder(input))
    .map(({ callId }) => deleteEncryptedInput(callId));
}
