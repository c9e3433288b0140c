import type { EventType, RecordedEvent } from '../../domain/events.ts';
import { isTerminal } from '../../domain/transitions.ts';

/**
 * What new events mean to listeners that do not read the tape:
 * `work`: there is a run to execute, because of a new message, a run that resumes, or a session that has become free;
 * `end`: the run has ended;
 * `activity`: the feed of changes has a new row.
 */
export const hints = ['work', 'end', 'activity'] as const;

export type Hint = (typeof hints)[number];

export function hintsOf(events: readonly RecordedEvent[]): Hint[] {
  const found = new Set(events.flatMap(hintsOfEvent));
  // The server that records the start of a run executes it.
  if (events.some(isStart)) found.delete('work');
  return [...found];
}

function isStart({ type, payload }: RecordedEvent): boolean {
  return type === 'status' && payload.from === 'PENDING' && payload.to === 'IN_PROGRESS';
}

const ofWaits: ReadonlySet<EventType> = new Set([
  'approval_request',
  'approval_decision',
  'wait_request',
  'wait_settled',
]);

function hintsOfEvent({ type, payload }: RecordedEvent): Hint[] {
  if (ofWaits.has(type)) return ['activity'];
  if (type !== 'status') return [];
  if (isTerminal(payload.to)) return ['activity', 'work', 'end'];
  return payload.to === 'PENDING' || payload.from === 'AWAITING_APPROVAL' ? ['activity', 'work'] : ['activity'];
}
