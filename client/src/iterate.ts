/** Gives values in batches to one reader. */
export interface BatchSource<Batch> {
  /** Called at the first `next`. The source calls `wake` when there may be more to take. */
  begin(wake: () => void): void;
  /** The next batch; undefined if there is none yet, null after the last one. */
  take(): Promise<Batch | null | undefined>;
  /** The reader has left, or has had the last batch. */
  end(): void;
}

/**
 * The items of the batches of a source, one at a time, without a promise of its own for each item. `return()` and the signal end the
 * source, also while a `next()` waits.
 */
export function itemsOf<Batch, Item>(
  source: BatchSource<Batch>,
  itemsIn: (batch: Batch) => readonly Item[],
  signal?: AbortSignal,
): AsyncIterableIterator<Item> {
  let items: readonly Item[] = [];
  let index = 0;
  let hasBegun = false;
  let hasEnded = false;
  let refilling: Promise<IteratorResult<Item, undefined>> | null = null;
  let wake = () => {};
  const wakeNow = () => wake();

  function begin(): void {
    hasBegun = true;
    signal?.addEventListener('abort', wakeNow);
    source.begin(wakeNow);
  }

  function end(): void {
    if (hasBegun && !hasEnded) {
      signal?.removeEventListener('abort', wakeNow);
      source.end();
    }
    hasEnded = true;
    items = [];
    wake();
  }

  async function refill(): Promise<IteratorResult<Item, undefined>> {
    try {
      for (;;) {
        signal?.throwIfAborted();
        if (hasEnded) break;
        if (!hasBegun) begin();
        const woken = new Promise<void>((resolve) => {
          wake = resolve;
        });
        const batch = await source.take();
        if (batch === null || hasEnded) break;
        if (batch === undefined) {
          await woken;
          continue;
        }
        items = itemsIn(batch);
        index = 1;
        const [value] = items;
        if (value !== undefined) return { done: false, value };
      }
    } catch (error) {
      end();
      throw error;
    }
    end();
    return { done: true, value: undefined };
  }

  function next(): Promise<IteratorResult<Item, undefined>> {
    // Calls that come before the answer to an earlier one have their turn after it.
    if (refilling !== null) return refilling.then(next, next);
    const value = items[index++];
    if (value !== undefined) return Promise.resolve({ done: false, value });
    refilling = refill().finally(() => {
      refilling = null;
    });
    return refilling;
  }

  return {
    next,
    async return() {
      end();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
