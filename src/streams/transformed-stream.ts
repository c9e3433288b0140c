import { iterable, type LiveStream } from './live-stream.ts';

/** A stream of the items of each value, one by one. */
export function flattenStream<T extends object, Item extends object>(
  stream: LiveStream<T>,
  itemsOf: (value: T) => readonly Item[],
): LiveStream<Item> {
  const none: readonly Item[] = [];
  let items = none;
  let position = 0;
  stream.onClose(() => {
    items = none;
  });

  function read(): Item | 'pending' | 'end' {
    for (;;) {
      const item = position < items.length ? items[position] : undefined;
      position += 1;
      if (item !== undefined) return item;
      // Items that were read are not kept in memory while the next ones are awaited.
      items = none;
      position = 0;
      const value = stream.read();
      if (value === 'pending' || value === 'end') return value;
      items = itemsOf(value);
    }
  }

  return iterable({ read, close: stream.close, onClose: stream.onClose, onReadable: stream.onReadable });
}

/**
 * A stream of what `transform` returns for each value, in order. While a promise is pending, no further value is read. Promises
 * must not reject.
 *
 * @param fromError turns the error that ended the stream into its last value
 */
export function mapStream<T extends object, U extends object>(
  stream: LiveStream<T>,
  transform: (value: T) => U | Promise<U>,
  fromError: (error: unknown) => U,
): LiveStream<U> {
  /** What the pending promise has settled with; null if there is none. */
  let awaited: U | 'pending' | null = null;
  let readableListener = () => {};
  stream.onClose(() => {
    const isReaderWaiting = awaited === 'pending';
    awaited = null;
    if (isReaderWaiting) readableListener();
  });

  async function settle(promise: Promise<U>): Promise<void> {
    awaited = 'pending';
    const value = await promise;
    if (awaited === null) return;
    awaited = value;
    readableListener();
  }

  function read(): U | 'pending' | 'end' {
    if (awaited !== null) {
      const result = awaited;
      if (result !== 'pending') awaited = null;
      return result;
    }
    try {
      const value = stream.read();
      if (value === 'pending' || value === 'end') return value;
      const result = transform(value);
      if (!(result instanceof Promise)) return result;
      void settle(result);
      return 'pending';
    } catch (error) {
      stream.close();
      return fromError(error);
    }
  }

  return iterable({
    read,
    close: stream.close,
    onClose: stream.onClose,
    onReadable(listener) {
      readableListener = listener;
      stream.onReadable(listener);
    },
  });
}
