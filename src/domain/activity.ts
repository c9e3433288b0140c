import type { SequencedEvent } from './events.ts';
import type { RunStatus } from './transitions.ts';
import { waitChangeOf } from './wait.ts';

/** What changed, as lists show it. */
export const activityKinds = [
  'SESSION_CREATED',
  'SESSION_UPDATED',
  'SESSION_ARCHIVED',
  'SESSION_PURGED',
  'RUN_CREATED',
  'RUN_STATE_CHANGED',
  'WAIT_OPENED',
  'WAIT_SETTLED',
] as const;

export type ActivityKind = (typeof activityKinds)[number];

/** One change, without its position in the feed. */
export interface Change {
  kind: ActivityKind;
  sessionId: string;
  runId: string | null;
  /** Id of a wait. */
  waitId: string | null;
  /** The new state; null unless the kind is RUN_STATE_CHANGED. */
  state: RunStatus | null;
  occurredAt: Date;
}

/** One change as the feed has it. It holds ids, kinds and times only, and remains when its session is purged. */
export interface ActivityItem extends Change {
  /** Increases along the feed, with gaps. */
  position: number;
  /** The principal who owns the session. */
  owner: string;
}

/** The changes that events of one run cause: at most one for each event, and none for events that no list shows. */
export function changesOf(
  run: Pick<Change, 'sessionId'> & { runId: string },
  events: readonly SequencedEvent[],
): Change[] {
  return events.flatMap((event) => changeOf(run, event) ?? []);
}

function changeOf(
  { runId, sessionId }: Pick<Change, 'sessionId'> & { runId: string },
  event: SequencedEvent,
): Change | null {
  const { type, payload, recordedAt } = event;
  const change = (kind: ActivityKind, more: Partial<Change> = {}): Change => ({
    kind,
    sessionId,
    runId,
    waitId: null,
    state: null,
    occurredAt: new Date(recordedAt),
    ...more,
  });
  if (type === 'status') {
    return payload.from === null ? change('RUN_CREATED') : change('RUN_STATE_CHANGED', { state: payload.to });
  }
  const wait = waitChangeOf(event);
  return wait && change(wait.change === 'opened' ? 'WAIT_OPENED' : 'WAIT_SETTLED', { waitId: wait.id });
}
