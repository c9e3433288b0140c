import type { TapeEvent } from '@runtape/client';

/** The events that have arrived, in order, and after them those of the outline. Between them events may be missing. */
export function mergeOutline(events: readonly TapeEvent[], outline: readonly TapeEvent[]): readonly TapeEvent[] {
  const last = events.at(-1)?.seq ?? 0;
  const later = outline.filter(({ seq }) => seq > last);
  return later.length === 0 ? events : [...events, ...later];
}

/** Index of an event, or of the last known one before it. */
export function indexAt(events: readonly { seq: number }[], seq: number): number {
  let low = 0;
  let high = events.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((events[middle]?.seq ?? 0) <= seq) low = middle;
    else high = middle - 1;
  }
  return low;
}
