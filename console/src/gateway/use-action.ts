import { useCallback, useState } from 'react';
import { messageOf } from './accept.ts';
import { refreshAll } from './use-query.ts';

/** Runs one thing at a time. `error` says why the last one failed. */
export function useAction(): {
  isBusy: boolean;
  error: string | null;
  run(work: () => Promise<void>): void;
  clear(): void;
} {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const run = useCallback((work: () => Promise<void>) => {
    setBusy(true);
    setError(null);
    work()
      .catch((problem: unknown) => setError(messageOf(problem)))
      .finally(() => {
        setBusy(false);
        refreshAll();
      });
  }, []);
  const clear = useCallback(() => setError(null), []);
  return { isBusy, error, run, clear };
}
