import type { RecordedEvent } from '../../domain/events.ts';
import { formatCursor } from '../../tape/cursor.ts';
import { createFollowing, type Following } from '../../tape/following.ts';

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
export function eachOf<Batch, Item>(
  source: Following<Batch>,
  itemsOf: (batch: Batch) => readonly Item[],
): Following<Item> {
  const finished: IteratorResult<Item, undefined> = { done: true, value: undefined };
  let ready: Iterator<Item> = [][Symbol.iterator]();
  let over = false;

  async function pull(): Promise<IteratorResult<Item, undefined>> {
    while (!over) {
      const item = ready.next();
      if (!item.done) return { done: false, value: item.value };
      const batch = await source.next();
      if (batch.done) break;
      ready = itemsOf(batch.value)[Symbol.iterator]();
    }
    return finished;
  }

  async function leave(): Promise<void> {
    over = true;
    await source.return?.();
  }

  return createFollowing(pull, leave, () => {
    const item = ready.next();
    return over || item.done ? undefined : item.value;
  });
}
