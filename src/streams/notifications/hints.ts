import type { RecordedEvent } from '../../domain/events.ts';
import { isTerminal } from '../../domain/transitions.ts';

/**
 * What new events mean for those who do not read the tape:
 * `work`: some executor has something to do: a new message, a run that goes on, or a session that is free again;
 * `end`: the run has ended;
 * `question`: a question was asked or settled.
 */
export type Hint = 'work' | 'end' | 'question';

export function hintsOf(events: readonly RecordedEvent[]): Hint[] {
  const signs = new Set(events.flatMap(signsOfOne));
  // A run that began with its message has its executor.
  if (
    events.some(({ type, payload }) => type === 'status' && payload.to === 'IN_PROGRESS' && payload.from === 'PENDING')
  ) {
    signs.delete('work');
  }
  return [...signs];
}

function signsOfOne({ type, payload }: RecordedEvent): Hint[] {
  if (type === 'approval_request' || type === 'approval_decision') return ['question'];
  if (type !== 'status') return [];
  if (isTerminal(payload.to)) return ['work', 'end'];
  return payload.to === 'PENDING' || payload.from === 'AWAITING_APPROVAL' ? ['work'] : [];
}
