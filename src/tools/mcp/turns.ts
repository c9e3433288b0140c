/** One turn at a time, in the order of the requests. */
export interface Turns {
  /** Resolves when the turn is taken. Rejects with the signal's reason if that aborts first. */
  take(signal: AbortSignal): Promise<void>;
  end(): void;
}

export function createTurns(): Turns {
  const waiting: (() => void)[] = [];
  let isTaken = false;
  return {
    async take(signal) {
      signal.throwIfAborted();
      if (!isTaken) {
        isTaken = true;
        return;
      }
      await new Promise<void>((resolve, reject) => {
        const leave = () => {
          waiting.splice(waiting.indexOf(begin), 1);
          reject(signal.reason);
        };
        const begin = () => {
          signal.removeEventListener('abort', leave);
          resolve();
        };
        signal.addEventListener('abort', leave, { once: true });
        waiting.push(begin);
      });
    },
    end() {
      const next = waiting.shift();
      if (next) next();
      else isTaken = false;
    },
  };
}
