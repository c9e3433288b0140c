/** Calls back when the network or the page has come back, in a browser. Returns what stops it. */
export function wakeWith(wake: () => void): () => void {
  if (typeof document === 'undefined') return () => {};
  const listening = new AbortController();
  const listen = (target: EventTarget, type: string) =>
    target.addEventListener(type, () => document.visibilityState === 'visible' && wake(), { signal: listening.signal });
  listen(globalThis, 'online');
  // The page was restored from the back/forward cache.
  listen(globalThis, 'pageshow');
  listen(document, 'visibilitychange');
  // The browser had frozen the page.
  listen(document, 'resume');
  return () => listening.abort();
}
