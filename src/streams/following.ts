/** Values for one reader. `return` ends it at once, whatever `next` waits for, and leaves nothing behind. */
export interface Following<T> extends AsyncIterableIterator<T, undefined> {
  /** The next value where it is there without waiting. A `next` that waits meanwhile gets what comes after it. */
  ready(): T | undefined;
  /**
   * Calls `listener` where `ready` may have something while a `next` waits, which then goes on waiting. It is called in the
   * midst of whatever happened: it takes note, and asks later. Only one is called.
   */
  onReady(listener: () => void): void;
}

interface Parts<T> extends Partial<Pick<Following<T>, 'ready' | 'onReady'>> {
  /** Asked once at a time and in order. */
  pull(): Promise<IteratorResult<T, undefined>>;
  /** Ends what `pull` waits for: an async generator would queue it behind the pending `next`. */
  leave(): Promise<void>;
}

/** A reader over what `pull` brings. */
export function createFollowing<T>({ pull, leave, ready, onReady }: Parts<T>): Following<T> {
  let previous: Promise<unknown> = Promise.resolve();
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next() {
      const result = previous.then(pull);
      previous = result.catch(() => undefined);
      return result;
    },
    ready: ready ?? (() => undefined),
    onReady: onReady ?? (() => {}),
    async return() {
      await leave();
      return { done: true, value: undefined };
    },
    async throw(error) {
      await leave();
      throw error;
    },
  };
}
