/** Lets one piece of work at a time through, in the order of arrival. */
export interface Mutex {
  run<T>(work: () => Promise<T>): Promise<T>;
  /** Resolves when everything that was let in has finished. */
  idle(): Promise<void>;
}

export function createMutex(): Mutex {
  let last: Promise<unknown> = Promise.resolve();
  return {
    run(work) {
      const result = last.then(work);
      last = result.catch(() => undefined);
      return result;
    },
    async idle() {
      await last;
    },
  };
}
