import type { EventType, RecordedEvent } from '../domain/events.ts';
import type { Journal } from '../journal/journal.ts';

const PAGE_EVENTS = 1000;

/** Everything that a trace is made from: not the pieces of answers, which can be many. */
const tracedTypes: readonly EventType[] = [
  'input',
  'status',
  'context',
  'output',
  'tool_call',
  'tool_decision',
  'approval_request',
  'approval_decision',
  'wait_request',
  'wait_settled',
  'tool_start',
  'tool_result',
  'compaction',
  'resumption',
];

/** The events of a tape that its trace is made from; none if there is no tape. */
export async function readTracedTape(read: Journal['read'], runId: string): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  let page: RecordedEvent[];
  do {
    page = await read(runId, { after: events.at(-1)?.seq ?? 0, limit: PAGE_EVENTS, types: tracedTypes });
    events.push(...page);
  } while (page.length === PAGE_EVENTS);
  return events;
}
