import type { NewEvent, PlacedEvent } from './events.ts';
import { evolve, type Run } from './run.ts';

/** The fold as it will be once these events stand behind it, all recorded now. */
export function foldOn(run: Run | null, place: Place, events: readonly NewEvent[]): Run | null {
  return placeEvents(run, place, events).reduce<Run | null>(evolve, run);
}

/** Where and when events are recorded, and under which lease. */
export interface Place {
  runId: string;
  /** Epoch milliseconds. */
  now: number;
  epoch: number | null;
}

/** Gives events their place and time behind a fold; time never goes back on a tape. */
export function placeEvents(run: Run | null, { runId, now, epoch }: Place, events: readonly NewEvent[]): PlacedEvent[] {
  const recordedAt = Math.max(now, run?.lastEventAt ?? 0);
  const head = run?.head ?? 0;
  return events.map((event, index) => ({ ...event, recordedAt, runId, epoch, seq: head + index + 1 }));
}
