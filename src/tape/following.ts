/** Values for one reader. `return` ends it at once, whatever `next` waits for, and leaves nothing behind. */
export type Following<T> = AsyncIterableIterator<T, undefined>;

/**
 * A reader over what `pull` brings, asked once at a time and in order. `leave` ends what `pull` waits for: an async generator
 * would queue it behind the pending `next`.
 */
export function createFollowing<T>(
  pull: () => Promise<IteratorResult<T, undefined>>,
  leave: () => Promise<void>,
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
