/** Says when something may have changed that a list shows. */
const POLL_MILLISECONDS = 2_000;

const listeners = new Set<() => void>();

function notify(): void {
  if (document.visibilityState !== 'visible') return;
  for (const listener of [...listeners]) listener();
}

let timer: ReturnType<typeof setInterval> | undefined;

export function onChange(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(notify, POLL_MILLISECONDS);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

document.addEventListener('visibilitychange', notify);
