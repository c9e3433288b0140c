import type { EventType, RecordedEvent } from '../../domain/events.ts';
import type { FollowDependencies } from '../../streams/follow-run.ts';

/** The name of the object type of each event. */
export const eventTypeNames: Readonly<Record<EventType, string>> = {
  input: 'InputEvent',
  status: 'StatusEvent',
  context: 'ContextEvent',
  thought: 'ThoughtEvent',
  output_delta: 'OutputDeltaEvent',
  output: 'OutputEvent',
  tool_call: 'ToolCallEvent',
  tool_decision: 'ToolDecisionEvent',
  approval_request: 'ApprovalRequestEvent',
  approval_decision: 'ApprovalDecisionEvent',
  wait_request: 'WaitRequestEvent',
  wait_settled: 'WaitSettledEvent',
  tool_start: 'ToolStartEvent',
  tool_progress: 'ToolProgressEvent',
  tool_result: 'ToolResultEvent',
  compaction: 'CompactionEvent',
  resumption: 'ResumptionEvent',
};

/** The global id of an event: `run_01JD…:3`. */
export function eventId({ runId, seq }: { runId: string; seq: number }): string {
  return `${runId}:${seq}`;
}

/** Null if `eventId` could not have returned this text. */
export function parseEventId(id: string): { runId: string; seq: number } | null {
  const separator = id.indexOf(':');
  const position = { runId: id.slice(0, separator), seq: Number(id.slice(separator + 1)) };
  const isPosition = separator > 0 && Number.isSafeInteger(position.seq) && position.seq > 0;
  return isPosition && eventId(position) === id ? position : null;
}

/** Null if the tape has no such event. The run must be one that the viewer may see. */
export async function eventAt(
  { journal }: FollowDependencies,
  { runId, seq }: { runId: string; seq: number },
): Promise<RecordedEvent | null> {
  const [event] = await journal.read(runId, { after: seq - 1, limit: 1 });
  return event?.seq === seq ? event : null;
}
