import { iterate, type LiveStream } from './live-stream.ts';

/** A stream of the items of each value, one by one. */
export function flattenStream<T extends object, Item extends object>(
  stream: LiveStream<T>,
  itemsOf: (value: T) => readonly Item[],
): LiveStream<Item> {
  return new FlatStream(stream, itemsOf);
}

class FlatStream<T extends object, Item extends object> implements LiveStream<Item> {
  readonly #stream: LiveStream<T>;
  readonly #itemsOf: (value: T) => readonly Item[];
  #items: readonly Item[] = [];
  #position = 0;

  constructor(stream: LiveStream<T>, itemsOf: (value: T) => readonly Item[]) {
    this.#stream = stream;
    this.#itemsOf = itemsOf;
    stream.onClose(() => this.#drop());
  }

  read(): Item | 'pending' | 'end' {
    for (;;) {
      const item = this.#position < this.#items.length ? this.#items[this.#position] : undefined;
      this.#position += 1;
      if (item !== undefined) return item;
      this.#drop();
      const value = this.#stream.read();
      if (value === 'pending' || value === 'end') return value;
      this.#items = this.#itemsOf(value);
    }
  }

  onReadable(listener: () => void): void {
    this.#stream.onReadable(listener);
  }

  close(): void {
    this.#stream.close();
  }

  onClose(listener: () => void): void {
    this.#stream.onClose(listener);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Item, undefined> {
    return iterate(this);
  }

  /** Items that were read are not kept in memory while the next ones are awaited. */
  #drop(): void {
    this.#items = noItems;
    this.#position = 0;
  }
}

const noItems: readonly never[] = [];

export interface Transformation<T extends object, U extends object> {
  /** Its promises must not reject. While one is pending, no further value is read. */
  transform(value: T): U | Promise<U>;
  /** Turns the error that ended the stream into its last value. */
  fromError(error: unknown): U;
}

/** A stream of what `transform` returns for each value, in order. */
export function mapStream<T extends object, U extends object>(
  stream: LiveStream<T>,
  transformation: Transformation<T, U>,
): LiveStream<U> {
  return new MappedStream(stream, transformation);
}

class MappedStream<T extends object, U extends object> implements LiveStream<U> {
  readonly #stream: LiveStream<T>;
  readonly #transformation: Transformation<T, U>;
  /** What the pending promise has settled with; null if there is none. */
  #awaited: U | 'pending' | null = null;
  #readableListener = () => {};

  constructor(stream: LiveStream<T>, transformation: Transformation<T, U>) {
    this.#stream = stream;
    this.#transformation = transformation;
    stream.onClose(() => {
      const isReaderWaiting = this.#awaited === 'pending';
      this.#awaited = null;
      if (isReaderWaiting) this.#readableListener();
    });
  }

  read(): U | 'pending' | 'end' {
    if (this.#awaited !== null) return this.#takeAwaited(this.#awaited);
    try {
      const value = this.#stream.read();
      if (value === 'pending' || value === 'end') return value;
      const result = this.#transformation.transform(value);
      if (!(result instanceof Promise)) return result;
      void this.#settle(result);
      return 'pending';
    } catch (error) {
      this.#stream.close();
      return this.#transformation.fromError(error);
    }
  }

  onReadable(listener: () => void): void {
    this.#readableListener = listener;
    this.#stream.onReadable(listener);
  }

  close(): void {
    this.#stream.close();
  }

  onClose(listener: () => void): void {
    this.#stream.onClose(listener);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<U, undefined> {
    return iterate(this);
  }

  #takeAwaited(result: U | 'pending'): U | 'pending' {
    if (result !== 'pending') this.#awaited = null;
    return result;
  }

  async #settle(promise: Promise<U>): Promise<void> {
    this.#awaited = 'pending';
    const value = await promise;
    if (this.#awaited === null) return;
    this.#awaited = value;
    this.#readableListener();
  }
}
