import type { Readable } from '../readable.ts';

/** How often a page that is not visible is rendered at most. Browsers draw no frames for it. */
const HIDDEN_MILLISECONDS = 250;

const updates = new Set<() => void>();

/** One callback for all values of a frame, so that React renders once for all of them. */
function runUpdates(): void {
  const now = [...updates];
  updates.clear();
  for (const update of now) update();
}

/** Calls back in the next frame, unless the returned function is called first. */
function inNextFrame(update: () => void): () => void {
  if (updates.size === 0) {
    const isHidden = typeof document === 'undefined' || document.visibilityState === 'hidden';
    if (isHidden) setTimeout(runUpdates, HIDDEN_MILLISECONDS);
    else requestAnimationFrame(runUpdates);
  }
  updates.add(update);
  return () => updates.delete(update);
}

/** The same value, as it was when the newest frame began: it changes, and calls back, at most once a frame. */
export function perFrame<T>(readable: Readable<T>): Readable<T> {
  let value = readable.get();
  let isFollowed = false;
  return {
    // Without a listener nothing says when the value changes.
    get() {
      if (!isFollowed) value = readable.get();
      return value;
    },
    subscribe(listener) {
      let cancel: (() => void) | null = null;
      const update = () => {
        cancel = null;
        value = readable.get();
        listener();
      };
      const unsubscribe = readable.subscribe(() => {
        cancel ??= inNextFrame(update);
      });
      value = readable.get();
      isFollowed = true;
      return () => {
        isFollowed = false;
        cancel?.();
        unsubscribe();
      };
    },
  };
}
