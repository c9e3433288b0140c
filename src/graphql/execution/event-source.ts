import type { RecordedEvent } from '../../domain/events.ts';
import { formatCursor } from '../../streams/cursor.ts';
import { createFollowing, type Following } from '../../streams/following.ts';

/** What a subscription resolves one of its results from. */
export interface SourceEvent<Value> {
  value: Value;
  /** Where a client that saw this continues; null where there is no such place. */
  cursor: string | null;
}

const sources = new WeakMap<RecordedEvent, SourceEvent<RecordedEvent>>();

/** The same for every follower, so that what is made of it is made once. */
export function sourceOf(event: RecordedEvent): SourceEvent<RecordedEvent> {
  const known = sources.get(event);
  if (known) return known;
  const made = { value: event, cursor: formatCursor(event) };
  sources.set(event, made);
  return made;
}

/** The source that hands on each item of each batch. Its `return` ends the source at once, whatever `next` waits for. */
export function eachOf<Batch, Item extends object>(
  source: Following<Batch>,
  itemsOf: (batch: Batch) => readonly Item[],
): Following<Item> {
  let items: readonly Item[] = [];
  let taken = 0;
  let over = false;

  function take(): Item | undefined {
    if (over || taken === items.length) return undefined;
    taken += 1;
    return items[taken - 1];
  }

  /** While a batch was waited for, others may have been taken without waiting; what is left of them comes first. */
  function add(batch: Batch): void {
    items = taken === items.length ? itemsOf(batch) : [...items.slice(taken), ...itemsOf(batch)];
    taken = 0;
  }

  async function pull(): Promise<IteratorResult<Item, undefined>> {
    for (;;) {
      const item = take();
      if (item !== undefined) return { done: false, value: item };
      const batch = over ? null : await source.next();
      if (batch && !batch.done) add(batch.value);
      else if (over || taken === items.length) return { done: true, value: undefined };
    }
  }

  function ready(): Item | undefined {
    for (;;) {
      const item = take();
      const batch = item === undefined && !over ? source.ready() : undefined;
      if (batch === undefined) return item;
      add(batch);
    }
  }

  return createFollowing({
    pull,
    ready,
    onReady: source.onReady,
    async leave() {
      over = true;
      await source.return?.();
    },
  });
}
