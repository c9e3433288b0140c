import type { Clock } from '../clock.ts';
import { isTemporaryStoreFailure } from '../database/store-error.ts';

/**
 * A stream of values for one reader, who reads without waiting: `read` until it returns 'pending', then again after the
 * `onReadable` listener was called. The contract is that of `stream.Readable.read` and its `readable` event in Node.js.
 * As an async iterable it serves libraries that expect one; a stream is read in one of the two ways.
 */
export interface LiveStream<T extends object> {
  /**
   * The next value; 'pending' if there is none yet; 'end' after the last one and after `close`. If the stream has failed, it
   * throws the error once and has ended.
   */
  read(): T | 'pending' | 'end';
  /**
   * Sets the listener that is called when `read` has returned 'pending' and may now return something else. It runs in the
   * middle of a publication, so it must be quick and must not throw.
   */
  onReadable(listener: () => void): void;
  /** Ends the stream at once, even during a fetch. No timer and no subscription remains. Repeating it changes nothing. */
  close(): void;
  /** Calls back once, when the stream has ended for whatever reason; at once if it already has. */
  onClose(listener: () => void): void;
  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined>;
}

/** Where the values of a live stream come from. It only knows what to fetch and what is in memory; the stream does the rest. */
export interface Source<T extends object> {
  /** Subscribes to notifications, before anything is taken or fetched. Returns a function that unsubscribes. */
  open(notify: () => void): () => void;
  /**
   * The next value in memory. 'fetch' if it has to be read from the store first, 'pending' if nothing comes before the next
   * notification, 'end' after the last value. Not called during a fetch.
   */
  take(): T | 'fetch' | 'pending' | 'end';
  /** Reads from the store what `take` then returns. If it fails with a temporary store failure it may be called again. */
  fetch(): Promise<void>;
  /** Called after a poll interval without a notification: one may be lost, so the next `take` has to ask for a fetch. */
  recheck(): void;
}

export interface LiveStreamOptions {
  clock: Pick<Clock, 'after'>;
  /** A lost notification is detected within two of these. */
  pollMilliseconds: number;
  /** Closes the stream. */
  signal: AbortSignal;
}

/**
 *   unopened ──read──▶ readable ──read──▶ fetching ──fetched──▶ readable
 *                      readable ──read──▶ waiting ──notified, or a poll interval without a notification──▶ readable
 *
 * Nothing is fetched for a reader that does not read. A temporary store failure ends the stream only before its first
 * successful fetch; after that it waits and fetches again.
 */
export function createLiveStream<T extends object>(source: Source<T>, options: LiveStreamOptions): LiveStream<T> {
  const { clock, pollMilliseconds, signal } = options;
  let state: 'unopened' | 'readable' | 'fetching' | 'waiting' | 'closed' = 'unopened';
  let hasFetched = false;
  let failure: { error: unknown } | null = null;
  let unsubscribe = () => {};
  let cancelPoll: (() => void) | null = null;
  let notifiedSincePoll = false;
  let readableListener = () => {};
  const closeListeners: (() => void)[] = [];

  function becomeReadable(): void {
    state = 'readable';
    readableListener();
  }

  function notify(): void {
    notifiedSincePoll = true;
    if (state === 'waiting') becomeReadable();
  }

  function wait(): void {
    state = 'waiting';
    if (cancelPoll === null) startPoll();
  }

  /** Runs on while there are notifications: restarting it at each of them would cost more than delivering the event. */
  function startPoll(): void {
    notifiedSincePoll = false;
    cancelPoll = clock.after(pollMilliseconds, () => {
      cancelPoll = null;
      if (state !== 'waiting') return;
      if (notifiedSincePoll) return startPoll();
      source.recheck();
      becomeReadable();
    });
  }

  async function fetch(): Promise<void> {
    state = 'fetching';
    try {
      await source.fetch();
    } catch (error) {
      if (isClosed()) return;
      if (hasFetched && isTemporaryStoreFailure(error)) return wait();
      failure = { error };
      return end();
    }
    hasFetched = true;
    if (!isClosed()) becomeReadable();
  }

  // The state may change during an `await`, which narrowing does not know.
  const isClosed = () => state === 'closed';

  function read(): T | 'pending' | 'end' {
    if (failure !== null) {
      const { error } = failure;
      failure = null;
      throw error;
    }
    if (state === 'closed') return 'end';
    if (state === 'fetching') return 'pending';
    if (state === 'unopened') unsubscribe = source.open(notify);
    state = 'readable';
    const value = source.take();
    if (value === 'end') end();
    else if (value === 'pending') wait();
    else if (value === 'fetch') {
      void fetch();
      return 'pending';
    }
    return value;
  }

  function end(): void {
    if (state === 'closed') return;
    const isReaderWaiting = state === 'waiting' || state === 'fetching';
    state = 'closed';
    cancelPoll?.();
    signal.removeEventListener('abort', end);
    unsubscribe();
    for (const listener of closeListeners) listener();
    if (isReaderWaiting) readableListener();
  }

  if (signal.aborted) state = 'closed';
  else signal.addEventListener('abort', end, { once: true });
  return iterable({
    read,
    close() {
      failure = null;
      end();
    },
    onReadable(listener) {
      readableListener = listener;
    },
    onClose(listener) {
      if (state === 'closed') listener();
      else closeListeners.push(listener);
    },
  });
}

/** The stream of the single items of each value. */
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
 * The stream of what `transform` makes of each value, in order. While a promise of it is pending, no further value is read. The
 * promise must not reject.
 *
 * @param fromError makes the last value of the error that has ended the stream
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

function iterable<T extends object>(methods: Omit<LiveStream<T>, typeof Symbol.asyncIterator>): LiveStream<T> {
  return { ...methods, [Symbol.asyncIterator]: () => iterate(methods) };
}

/**
 * Unlike an async generator, which queues `return` behind a pending `next`, this iterator ends at once: `return` also
 * settles every pending `next`.
 */
function iterate<T extends object>(
  stream: Pick<LiveStream<T>, 'read' | 'onReadable' | 'close'>,
): AsyncIterableIterator<T, undefined> {
  const finished = { done: true, value: undefined } as const;
  const requests: { resolve(result: IteratorResult<T, undefined>): void; reject(error: unknown): void }[] = [];

  function readFor({ resolve, reject }: (typeof requests)[number]): boolean {
    try {
      const value = stream.read();
      if (value === 'pending') return false;
      resolve(value === 'end' ? finished : { done: false, value });
    } catch (error) {
      reject(error);
    }
    return true;
  }

  function settleRequests(): void {
    while (requests[0] && readFor(requests[0])) requests.shift();
  }

  stream.onReadable(settleRequests);
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () =>
      new Promise((resolve, reject) => {
        requests.push({ resolve, reject });
        settleRequests();
      }),
    async return() {
      stream.close();
      return finished;
    },
    async throw(error) {
      stream.close();
      throw error;
    },
  };
}
