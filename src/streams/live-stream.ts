import { type Clock, nextTurn } from '../clock.ts';
import { isTemporaryStoreFailure } from '../database/store-error.ts';

/**
 * A stream of values for one reader, which reads without waiting: it calls `read` until that returns 'pending', and again after
 * the `onReadable` listener was called, as with `stream.Readable` of Node.js. A library that expects an async iterable can
 * iterate the stream instead.
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

/** Where the values of a live stream come from: what to fetch, and what is in memory. The stream does the waiting. */
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

/** A source that fetches in another turn of the event loop each time, so that other work runs between its pages. */
export function inTurns<T extends object>(source: Source<T>): Source<T> {
  return { ...source, fetch: () => nextTurn().then(() => source.fetch()) };
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
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: the states and their transitions read best in one place
export function createLiveStream<T extends object>(source: Source<T>, options: LiveStreamOptions): LiveStream<T> {
  const { signal } = options;
  let state: 'unopened' | 'readable' | 'fetching' | 'waiting' | 'closed' = 'unopened';
  let hasFetched = false;
  let failure: { error: unknown } | null = null;
  let unsubscribe = () => {};
  let readableListener = () => {};
  const closeListeners: (() => void)[] = [];
  const pollTimer = createPollTimer(options, () => state === 'waiting', recheck);

  function becomeReadable(): void {
    state = 'readable';
    readableListener();
  }

  function recheck(): void {
    source.recheck();
    becomeReadable();
  }

  function notify(): void {
    pollTimer.notify();
    if (state === 'waiting') becomeReadable();
  }

  function wait(): void {
    state = 'waiting';
    pollTimer.start();
  }

  function fetch(): 'pending' {
    state = 'fetching';
    source.fetch().then(handleFetched, handleFetchError);
    return 'pending';
  }

  function handleFetched(): void {
    hasFetched = true;
    if (state === 'fetching') becomeReadable();
  }

  function handleFetchError(error: unknown): void {
    if (state !== 'fetching') return;
    if (hasFetched && isTemporaryStoreFailure(error)) wait();
    else {
      failure = { error };
      end();
    }
  }

  function read(): T | 'pending' | 'end' {
    const failed = failure;
    failure = null;
    if (failed !== null) throw failed.error;
    if (state === 'closed') return 'end';
    if (state === 'fetching') return 'pending';
    if (state === 'unopened') unsubscribe = source.open(notify);
    state = 'readable';
    const value = source.take();
    if (value === 'fetch') return fetch();
    if (value === 'pending') wait();
    if (value === 'end') end();
    return value;
  }

  function end(): void {
    if (state === 'closed') return;
    const isReaderWaiting = state === 'waiting' || state === 'fetching';
    state = 'closed';
    pollTimer.stop();
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

/**
 * Calls `onQuiet` after an interval without a notification, one or two intervals after the last one: restarting the timer at
 * each notification would cost more than delivering the event. It stops at the end of an interval in which it is not needed.
 */
function createPollTimer(
  { clock, pollMilliseconds }: Pick<LiveStreamOptions, 'clock' | 'pollMilliseconds'>,
  isNeeded: () => boolean,
  onQuiet: () => void,
) {
  let cancel: (() => void) | null = null;
  let isQuiet = true;

  function start(): void {
    if (cancel !== null) return;
    isQuiet = true;
    cancel = clock.after(pollMilliseconds, () => {
      cancel = null;
      if (!isNeeded()) return;
      if (isQuiet) onQuiet();
      else start();
    });
  }

  return {
    start,
    notify(): void {
      isQuiet = false;
    },
    stop(): void {
      cancel?.();
    },
  };
}

/** Adds the async iterator to the other methods of a stream. */
export function iterable<T extends object>(methods: Omit<LiveStream<T>, typeof Symbol.asyncIterator>): LiveStream<T> {
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
