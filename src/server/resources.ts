/** What the composition root has opened, closed in reverse order: at shutdown, and when a later part fails to start. */
export interface Resources {
  add(close: () => unknown): void;
  /** Closes everything once. Goes on when a part fails to close, and rejects with the first failure at the end. */
  close(): Promise<void>;
}

export function createResources(): Resources {
  const opened: (() => unknown)[] = [];

  async function closeAll(): Promise<void> {
    const failures: unknown[] = [];
    for (const close of opened.splice(0).reverse()) {
      try {
        await close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  let closing: Promise<void> | null = null;
  return {
    add: (close) => void opened.push(close),
    close() {
      closing ??= closeAll();
      return closing;
    },
  };
}
