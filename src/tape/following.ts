/** Values for one reader. `return` ends it at once, whatever `next` waits for, and leaves nothing behind. */
export interface Following<T> extends AsyncIterableIterator<T, undefined> {
  /** The next value where it is there without waiting. Asked only while no `next` is under way. */
  ready(): T | undefined;
}

/**
 * A reader over what `pull` brings, asked once at a time and in order. `leave` ends what `pull` waits for: an async generator
 * would queue it behind the pending `next`.
 */
export function createFollowing<T>(
  pull: () => Promise<IteratorResult<T, undefined>>,
  leave: () => Promise<void>,
  ready: () => T | undefined = () => undefined,
): Following<T> {
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
    ready,
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
