/** Values for one reader. `return` ends it at once, whatever `next` waits for, and leaves nothing behind. */
export type Following<T> = AsyncIterableIterator<T, undefined>;

interface MailboxOptions<T> {
  signal: AbortSignal;
  timer(milliseconds: number, callback: () => void): () => void;
  pollMilliseconds: number;
  /** Called at the first `next`. Returns what ends the subscription. */
  subscribe(poke: () => void): () => void;
  /** Called before `advance` where nothing came for the length of a poll. */
  onPoll(): void;
  /** The next value, or null where there is none yet. Never called twice at a time. */
  advance(): Promise<{ value: T; last: boolean } | null>;
}

/**
 * An iterator over what `advance` finds, which waits between two values to be poked. Unlike an async generator it does not
 * queue `return` behind a pending `next`: a reader who leaves is gone at once.
 */
export function createMailbox<T>(options: MailboxOptions<T>): Following<T> {
  const finished: IteratorResult<T, undefined> = { done: true, value: undefined };
  let state: 'new' | 'open' | 'over' = 'new';
  let unsubscribe = () => {};
  let poked = false;
  let wake: (() => void) | null = null;
  let previous: Promise<unknown> = Promise.resolve();

  const poke = () => {
    poked = true;
    wake?.();
  };
  const close = () => {
    state = 'over';
    unsubscribe();
    options.signal.removeEventListener('abort', close);
    wake?.();
  };

  function open(): void {
    state = 'open';
    options.signal.addEventListener('abort', close, { once: true });
    unsubscribe = options.subscribe(poke);
    if (options.signal.aborted) close();
  }

  function waitForPoke(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = options.timer(options.pollMilliseconds, () => {
        options.onPoll();
        poke();
      });
      wake = () => {
        wake = null;
        cancel();
        resolve();
      };
    });
  }

  const isOver = () => state === 'over';

  async function pull(): Promise<IteratorResult<T, undefined>> {
    if (state === 'new') open();
    try {
      while (!isOver()) {
        poked = false;
        const found = await options.advance();
        if (isOver()) break;
        if (found) {
          if (found.last) close();
          return { done: false, value: found.value };
        }
        if (!poked) await waitForPoke();
      }
      return finished;
    } catch (error) {
      close();
      throw error;
    }
  }

  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next() {
      const result = previous.then(pull);
      previous = result.catch(() => undefined);
      return result;
    },
    async return() {
      close();
      return finished;
    },
    async throw(error) {
      close();
      throw error;
    },
  };
}
