import type { RecordedEvent } from '../../domain/events.ts';
import { isTerminal } from '../../domain/transitions.ts';

/**
 * What new events mean to listeners that do not read the tape:
 * `work`: there is a run to execute, because of a new message, a run that resumes, or a session that has become free;
 * `end`: the run has ended;
 * `approval`: an approval was requested or settled.
 */
export type Hint = 'work' | 'end' | 'approval';

export function hintsOf(events: readonly RecordedEvent[]): Hint[] {
  const hints = new Set(events.flatMap(hintsOfEvent));
  // The server that records the start of a run executes it.
  if (events.some(isStart)) hints.delete('work');
  return [...hints];
}

function isStart({ type, payload }: RecordedEvent): boolean {
  return type === 'status' && payload.from === 'PENDING' && payload.to === 'IN_PROGRESS';
}

function hintsOfEvent({ type, payload }: RecordedEvent): Hint[] {
  if (type === 'approval_request' || type === 'approval_decision') return ['approval'];
  if (type !== 'status') return [];
  if (isTerminal(payload.to)) return ['work', 'end'];
  return payload.to === 'PENDING' || payload.from === 'AWAITING_APPROVAL' ? ['work'] : [];
}
