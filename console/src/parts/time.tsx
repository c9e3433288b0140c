import { useSyncExternalStore } from 'react';
import { exactTime, relativeTime } from '../text/time.ts';

const TICK_MILLISECONDS = 5_000;
const listeners = new Set<() => void>();
let now = Date.now();

setInterval(() => {
  now = Date.now();
  for (const listener of [...listeners]) listener();
}, TICK_MILLISECONDS);

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Relative, with the exact time on hover. */
export function Time({ at, prefix = '' }: { at: string; prefix?: string }) {
  const current = useSyncExternalStore(subscribe, () => now);
  return (
    <time dateTime={at} title={exactTime(at)}>
      {prefix}
      {relativeTime(at, current)}
    </time>
  );
}
