import type { NewEvent, SequencedEvent } from './events.ts';
import { evolve, type Run } from './run.ts';

/** The fold as it will be once these events stand behind it, all recorded now. */
export function foldOn(run: Run | null, place: SequencePosition, events: readonly NewEvent[]): Run | null {
  return sequenceEvents(run, place, events).reduce<Run | null>(evolve, run);
}

/** Where and when events are recorded, and under which lease. */
export interface SequencePosition {
  runId: string;
  /** Epoch milliseconds. */
  now: number;
  epoch: number | null;
}

/** Gives events their place and time behind a fold; time never goes back on a tape. */
export function sequenceEvents(
  run: Run | null,
  { runId, now, epoch }: SequencePosition,
  events: readonly NewEvent[],
): SequencedEvent[] {
  const recordedAt = Math.max(now, run?.lastEventAt ?? 0);
  const head = run?.head ?? 0;
  return events.map((event, index) => ({ ...event, recordedAt, runId, epoch, seq: head + index + 1 }));
}
