/** Calls back when the network or the page has come back, in a browser. Returns what stops it. */
export function wakeWith(wake: () => void): () => void {
  if (typeof document === 'undefined' || typeof addEventListener === 'undefined') return () => {};
  const whenVisible = () => document.visibilityState === 'visible' && wake();
  // `pageshow`: the page was restored from the back/forward cache. `resume`: the browser had frozen it.
  const events = ['online', 'pageshow'] as const;
  for (const event of events) addEventListener(event, wake);
  document.addEventListener('visibilitychange', whenVisible);
  document.addEventListener('resume', wake);
  return () => {
    for (const event of events) removeEventListener(event, wake);
    document.removeEventListener('visibilitychange', whenVisible);
    document.removeEventListener('resume', wake);
  };
}
