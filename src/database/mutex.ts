/** Runs one piece of work at a time for each key, in the order of the calls. */
export interface KeyedMutex {
  /** Settles as `work` does. */
  run<T>(key: string, work: () => Promise<T>): Promise<T>;
  /** Whether work of the key is running or waiting. */
  isBusy(key: string): boolean;
  /** Resolves when no work is running or waiting. */
  idle(): Promise<void>;
}

export function createKeyedMutex(): KeyedMutex {
  /** For each key, settles when its last work has finished. */
  const tails = new Map<string, Promise<unknown>>();
  return {
    async run(key, work) {
      const result = (tails.get(key) ?? Promise.resolve()).then(work);
      const tail = result.catch(() => undefined);
      tails.set(key, tail);
      try {
        return await result;
      } finally {
        if (tails.get(key) === tail) tails.delete(key);
      }
    },
    isBusy: (key) => tails.has(key),
    async idle() {
      while (tails.size > 0) await Promise.all(tails.values());
    },
  };
}
