import type { TapeEvent } from '@runtape/client';

/** A value that is computed event by event. */
export interface Growing<Value> {
  add(event: TapeEvent): void;
  value(): Value;
}

/** Computes the value of a list of events. Where the list is the one before with more events at its end, only those are added. */
export function grow<Value>(create: () => Growing<Value>): (events: readonly TapeEvent[]) => Value {
  let growing = create();
  let count = 0;
  let last: TapeEvent | undefined;
  return (events) => {
    if (count > events.length || events[count - 1] !== last) {
      growing = create();
      count = 0;
    }
    for (const event of events.slice(count)) growing.add(event);
    count = events.length;
    last = events[count - 1];
    return growing.value();
  };
}
