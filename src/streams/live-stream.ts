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
  return {
    open: (notify) => source.open(notify),
    take: () => source.take(),
    fetch: () => nextTurn().then(() => source.fetch()),
    recheck: () => source.recheck(),
  };
}

export interface LiveStreamOptions {
  clock: Pick<Clock, 'after'>;
  /** A lost notification is detected within two of these. */
  pollMilliseconds: number;
  /** Closes the stream. */
  signal: AbortSignal;
}

export function createLiveStream<T extends object>(source: Source<T>, options: LiveStreamOptions): LiveStream<T> {
  return new SourceStream(source, options);
}

const doNothing = () => {};

/**
 *   unopened ──read──▶ readable ──read──▶ fetching ──fetched──▶ readable
 *                      readable ──read──▶ waiting ──notified, or a poll interval without a notification──▶ readable
 *
 * Nothing is fetched for a reader that does not read. A temporary store failure ends the stream only before its first
 * successful fetch; after that it waits and fetches again.
 *
 * This and the other objects that each follower has are classes, because an object with shared methods is in fewer places of
 * memory than closures are: a server that delivers an event to a thousand followers waits for memory most of the time.
 */
class SourceStream<T extends object> implements LiveStream<T> {
  readonly #source: Source<T>;
  readonly #options: LiveStreamOptions;
  readonly #end = () => this.#endNow();
  #state: 'unopened' | 'readable' | 'fetching' | 'waiting' | 'closed' = 'unopened';
  #hasFetched = false;
  #failure: { error: unknown } | null = null;
  #unsubscribe = doNothing;
  #readableListener = doNothing;
  readonly #closeListeners: (() => void)[] = [];
  /** Cancels the poll timer; null if it does not run. */
  #cancelPoll: (() => void) | null = null;
  /** Whether no notification came in this poll interval. */
  #isQuiet = true;

  constructor(source: Source<T>, options: LiveStreamOptions) {
    this.#source = source;
    this.#options = options;
    if (options.signal.aborted) this.#state = 'closed';
    else options.signal.addEventListener('abort', this.#end, { once: true });
  }

  read(): T | 'pending' | 'end' {
    if (this.#failure !== null) this.#throwFailure(this.#failure.error);
    if (this.#state === 'closed') return 'end';
    if (this.#state === 'fetching') return 'pending';
    if (this.#state === 'unopened') this.#unsubscribe = this.#source.open(() => this.#notify());
    this.#state = 'readable';
    const value = this.#source.take();
    if (value === 'fetch') return this.#fetch();
    if (value === 'pending') this.#wait();
    if (value === 'end') this.#endNow();
    return value;
  }

  onReadable(listener: () => void): void {
    this.#readableListener = listener;
  }

  close(): void {
    this.#failure = null;
    this.#endNow();
  }

  onClose(listener: () => void): void {
    if (this.#state === 'closed') listener();
    else this.#closeListeners.push(listener);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined> {
    return iterate(this);
  }

  #throwFailure(error: unknown): never {
    this.#failure = null;
    throw error;
  }

  #becomeReadable(): void {
    this.#state = 'readable';
    this.#readableListener();
  }

  #notify(): void {
    this.#isQuiet = false;
    if (this.#state === 'waiting') this.#becomeReadable();
  }

  #wait(): void {
    this.#state = 'waiting';
    if (this.#cancelPoll === null) this.#startPollInterval();
  }

  /**
   * Rechecks after an interval without a notification, one or two intervals after the last one: restarting the timer at each
   * notification would cost more than delivering the event. It stops at the end of an interval in which nobody waits.
   */
  #startPollInterval(): void {
    this.#isQuiet = true;
    this.#cancelPoll = this.#options.clock.after(this.#options.pollMilliseconds, () => {
      this.#cancelPoll = null;
      if (this.#state !== 'waiting') return;
      if (!this.#isQuiet) return this.#startPollInterval();
      this.#source.recheck();
      this.#becomeReadable();
    });
  }

  #fetch(): 'pending' {
    this.#state = 'fetching';
    this.#source.fetch().then(
      () => this.#handleFetched(),
      (error: unknown) => this.#handleFetchError(error),
    );
    return 'pending';
  }

  #handleFetched(): void {
    this.#hasFetched = true;
    if (this.#state === 'fetching') this.#becomeReadable();
  }

  #handleFetchError(error: unknown): void {
    if (this.#state !== 'fetching') return;
    if (this.#hasFetched && isTemporaryStoreFailure(error)) this.#wait();
    else {
      this.#failure = { error };
      this.#endNow();
    }
  }

  #endNow(): void {
    if (this.#state === 'closed') return;
    const isReaderWaiting = this.#state === 'waiting' || this.#state === 'fetching';
    this.#state = 'closed';
    this.#cancelPoll?.();
    this.#options.signal.removeEventListener('abort', this.#end);
    this.#unsubscribe();
    for (const listener of this.#closeListeners) listener();
    if (isReaderWaiting) this.#readableListener();
  }
}

/**
 * Unlike an async generator, which queues `return` behind a pending `next`, this iterator ends at once: `return` also
 * settles every pending `next`.
 */
export function iterate<T extends object>(
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
