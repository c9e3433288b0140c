import type { Readable } from '../readable.ts';

/** How often a page that is not visible is rendered at most. Browsers draw no frames for it. */
const HIDDEN_MILLISECONDS = 250;

function nextFrame(callback: () => void): () => void {
  if (typeof document === 'undefined' || document.visibilityState === 'hidden') {
    const timer = setTimeout(callback, HIDDEN_MILLISECONDS);
    return () => clearTimeout(timer);
  }
  const frame = requestAnimationFrame(callback);
  return () => cancelAnimationFrame(frame);
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
        cancel ??= nextFrame(update);
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
