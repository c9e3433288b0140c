/** A value that changes. `subscribe` calls back after each change, not at once; the same value keeps its identity. */
export interface Readable<T> {
  get(): T;
  subscribe(listener: () => void): () => void;
}

export interface Source<T> extends Readable<T> {
  /** Does nothing if it is the same value. */
  set(value: T): void;
}

/**
 * @param onUse called when the first listener subscribes; what it returns is called after the last one has left
 */
export function createSource<T>(initial: T, onUse?: () => () => void): Source<T> {
  let value = initial;
  let release: (() => void) | undefined;
  const listeners = new Set<{ call: () => void }>();
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const { call } of [...listeners]) call();
    },
    subscribe(listener) {
      const entry = { call: listener };
      listeners.add(entry);
      if (listeners.size === 1) release = onUse?.();
      return () => {
        if (listeners.delete(entry) && listeners.size === 0) release?.();
      };
    },
  };
}
