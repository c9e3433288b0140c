import { isStoreFailure } from '../journal/store-failure.ts';
import type { Following } from './following.ts';

interface MailboxOptions<T> {
  signal: AbortSignal;
  timer(milliseconds: number, callback: () => void): () => void;
  pollMilliseconds: number;
  /** Called at the first `next`. Returns what ends the subscription. */
  subscribe(poke: () => void): () => void;
  /** Called before `advance` where nothing came for the length of a poll. */
  onPoll(): void;
  /**
   * The next value; `'again'` where something was left out and there may be more; null where there is nothing yet.
   * Never called twice at a time.
   */
  advance(): Promise<{ value: T; last: boolean } | 'again' | null>;
}

/**
 * An iterator over what `advance` finds, which waits between two values to be poked. Unlike an async generator it does not
 * queue `return` behind a pending `next`: a reader who leaves is gone at once.
 */
export function createMailbox<T>(options: MailboxOptions<T>): Following<T> {
  const { signal } = options;
  const finished: IteratorResult<T, undefined> = { done: true, value: undefined };
  const bell = createBell(options);
  const asked = createQueue(pull);
  const advance = outlastStore(options.advance);
  let state: 'new' | 'open' | 'over' = 'new';
  let unsubscribe = () => {};

  const isOver = () => state === 'over';

  function open(): void {
    state = 'open';
    signal.addEventListener('abort', leave, { once: true });
    unsubscribe = options.subscribe(bell.ring);
    if (signal.aborted) leave();
  }

  function close(): void {
    state = 'over';
    bell.dismantle();
    signal.removeEventListener('abort', leave);
    unsubscribe();
    bell.ring();
  }

  function leave(): void {
    close();
    asked.answerAll(finished);
  }

  async function pull(): Promise<IteratorResult<T, undefined>> {
    try {
      if (state === 'new') open();
      while (!isOver()) {
        bell.hush();
        const found = await advance();
        if (found === null) await bell.rung();
        else if (found !== 'again') {
          if (found.last) close();
          return { done: false, value: found.value };
        }
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
    next: asked.ask,
    ready: () => undefined,
    async return() {
      leave();
      return finished;
    },
    async throw(error) {
      leave();
      throw error;
    },
  };
}

/** A store that fails says so to whoever comes; who was served before waits until it is back, and misses nothing. */
function outlastStore<Found>(advance: () => Promise<Found>): () => Promise<Found | null> {
  let wasServed = false;
  return async () => {
    try {
      const found = await advance();
      wasServed = true;
      return found;
    } catch (error) {
      if (wasServed && isStoreFailure(error)) return null;
      throw error;
    }
  };
}

/** Asks `work` once at a time, in the order in which it was asked; those who wait can be answered before. */
function createQueue<Answer>(work: () => Promise<Answer>) {
  const waiting = new Set<(answer: Answer) => void>();
  let previous: Promise<unknown> = Promise.resolve();
  return {
    ask(): Promise<Answer> {
      return new Promise((resolve, reject) => {
        waiting.add(resolve);
        previous = previous
          .then(work)
          .then(resolve, reject)
          .finally(() => waiting.delete(resolve));
      });
    },
    answerAll(answer: Answer): void {
      for (const resolve of waiting) resolve(answer);
    },
  };
}

/**
 * Rings when poked, and by itself where nobody poked it for the length of a poll, or of two: the timer runs on while there is
 * traffic, because to set one anew for each event would cost more than the event.
 */
function createBell({ timer, pollMilliseconds, onPoll }: Omit<MailboxOptions<unknown>, 'advance'>) {
  let isRinging = false;
  let answer: (() => void) | null = null;
  let cancel: (() => void) | null = null;
  let isQuiet = false;

  function watch(): void {
    isQuiet = true;
    cancel = timer(pollMilliseconds, () => {
      const wasQuiet = isQuiet;
      cancel = null;
      if (!answer) return;
      if (wasQuiet) {
        onPoll();
        ring();
      } else watch();
    });
  }

  function ring(): void {
    isRinging = true;
    isQuiet = false;
    answer?.();
    answer = null;
  }

  return {
    ring,
    /** What rang until now is answered by what is looked at next. */
    hush(): void {
      isRinging = false;
    },
    rung(): Promise<void> {
      if (isRinging) return Promise.resolve();
      return new Promise((resolve) => {
        answer = resolve;
        if (cancel === null) watch();
      });
    },
    dismantle(): void {
      cancel?.();
      cancel = null;
    },
  };
}
