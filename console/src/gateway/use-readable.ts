import type { Readable } from '@runtape/client';
import { useCallback, useSyncExternalStore } from 'react';

export function useReadable<Value>(readable: Readable<Value>): Value {
  const subscribe = useCallback((listener: () => void) => readable.subscribe(listener), [readable]);
  return useSyncExternalStore(subscribe, () => readable.get());
}
