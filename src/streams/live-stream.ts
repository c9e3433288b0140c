import { isTemporaryStoreFailure } from '../database/store-error.ts';
import type { Following } from './following.ts';

/** What there is for the reader now; `last` where nothing follows it. */
export interface Found<T> {
  value: T;
  last: boolean;
}

interface MailboxOptions<T> {
  signal: AbortSignal;
  timer(milliseconds: number, callback: () => void): () => void;
  pollMilliseconds: number;
  /** Called at the first `next`. Returns what ends the subscription. */
  subscribe(poke: () => void): () => void;
  /** Called where nothing came for the length of a poll. */
  onPoll(): void;
  /**
   * The next value; `'again'` where something was left out and there may be more; null where there is nothing yet.
   * Never called twice at a time.
   */
  advance(): Promise<Found<T> | 'again' | null>;
  /**
   * The next value, where what is there need not be waited for; `'behind'` where it takes an `advance` to find out. Called
   * only while none is under way.
   */
  takeLive?(): Found<T> | 'behind' | null;
}

/**
 * An iterator over what `advance` finds, which waits between two values to be poked. Unlike an async generator it does not
 * queue `return` behind a pending `next`: a reader who leaves is gone at once. While it waits, a reader who listens is told
 * instead of woken: it takes what is live without a promise, or, where it is behind, wakes it when it has room for more.
 */
export function createLiveStream<T>(options: MailboxOptions<T>): Following<T> {
  const finished: IteratorResult<T, undefined> = { done: true, value: undefined };
  const subscription = createSubscription(options, leave);
  const { bell, close, isOver, ready, onReady } = subscription;
  const asked = createQueue(pull);
  const advance = outlastStore(options.advance);

  function leave(): void {
    close();
    asked.answerAll(finished);
  }

  async function pull(): Promise<IteratorResult<T, undefined>> {
    try {
      subscription.open();
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
    ready,
    onReady,
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

/** What a reader hears of, from its first `next` until it is over, and what it takes while it waits. */
function createSubscription<T>(options: MailboxOptions<T>, leave: () => void) {
  const { signal, takeLive, onPoll } = options;
  const bell = createBell(options, () => {
    onPoll();
    poke();
  });
  let state: 'new' | 'open' | 'over' = 'new';
  let unsubscribe = () => {};
  let tell: (() => void) | null = null;

  const isWaiting = () => state === 'open' && bell.isAwaited();

  function poke(): void {
    if (tell === null || !takeLive || !isWaiting()) bell.ring();
    else {
      bell.heed();
      tell();
    }
  }

  function close(): void {
    state = 'over';
    bell.dismantle();
    signal.removeEventListener('abort', leave);
    unsubscribe();
    bell.ring();
  }

  return {
    bell,
    close,
    isOver: () => state === 'over',
    /** Doing it again changes nothing. */
    open(): void {
      if (state !== 'new') return;
      state = 'open';
      signal.addEventListener('abort', leave, { once: true });
      unsubscribe = options.subscribe(poke);
      if (signal.aborted) leave();
    },
    ready(): T | undefined {
      const found = takeLive && isWaiting() ? takeLive() : null;
      if (found === null) return undefined;
      if (found === 'behind') {
        bell.ring();
        return undefined;
      }
      if (found.last) close();
      return found.value;
    },
    onReady(listener: () => void): void {
      tell = listener;
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
      if (wasServed && isTemporaryStoreFailure(error)) return null;
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
 * Rings when it is rung, and tells where it was quiet for the length of a poll, or of two: the timer runs on while there is
 * traffic, because to set one anew for each event would cost more than the event.
 */
function createBell(
  { timer, pollMilliseconds }: Pick<MailboxOptions<unknown>, 'timer' | 'pollMilliseconds'>,
  onQuiet: () => void,
) {
  let isRinging = false;
  let answer: (() => void) | null = null;
  let cancel: (() => void) | null = null;
  let isQuiet = false;

  function watch(): void {
    isQuiet = true;
    cancel = timer(pollMilliseconds, () => {
      const wasQuiet = isQuiet;
      cancel = null;
      if (answer && wasQuiet) onQuiet();
      if (answer && cancel === null) watch();
    });
  }

  function heed(): void {
    isQuiet = false;
  }

  function ring(): void {
    isRinging = true;
    heed();
    answer?.();
    answer = null;
  }

  return {
    ring,
    /** As good as a ring for whoever watches whether it is quiet. */
    heed,
    isAwaited: () => answer !== null,
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
