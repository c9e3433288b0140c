import type { SequencedEvent } from '../events.ts';

/**
 * The last event at or before `seq` at which a conversation can be left: a message of a person, an answer that asks for
 * nothing, or the last result of those that an answer asked for. So a branch never holds a call without its result.
 *
 * @param events of the run, in order; only those that messages are made of count
 */
export function branchPoint(events: Iterable<SequencedEvent>, seq: number): number {
  let boundary = 1;
  let open = new Set<string>();
  for (const event of events) {
    if (event.seq > seq) break;
    if (event.type === 'output') open = new Set(event.payload.toolCalls);
    else if (event.type === 'tool_result') open.delete(event.payload.callId);
    else if (event.type !== 'input') continue;
    if (open.size === 0) boundary = event.seq;
  }
  return boundary;
}
