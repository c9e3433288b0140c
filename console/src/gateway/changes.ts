import { client } from './connection.ts';

/** Changes that come together are one reason to ask again. */
const GATHER_MILLISECONDS = 300;
/** For what the feed of changes does not tell: circuits of models, tools, memories. */
const POLL_MILLISECONDS = 15_000;
/** While the feed of changes cannot be followed. */
const RETRY_MILLISECONDS = 2_000;

const listeners = new Set<() => void>();
let gathering: ReturnType<typeof setTimeout> | undefined;

function notify(): void {
  gathering = undefined;
  for (const listener of [...listeners]) listener();
}

function gather(): void {
  if (document.visibilityState === 'visible') gathering ??= setTimeout(notify, GATHER_MILLISECONDS);
}

/** Follows the feed of changes while something on the page wants to know of them. */
async function follow(leaving: AbortSignal): Promise<void> {
  while (!leaving.aborted) {
    try {
      // What changed before the feed was followed is asked for once.
      gather();
      for await (const _ of client.activity({ signal: leaving })) gather();
    } catch {
      // The client reconnects by itself. This is an expired position, or a gateway without the feed.
      if (!leaving.aborted) await new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS));
    }
  }
}

let stop = () => {};

function start(): () => void {
  const leaving = new AbortController();
  const timer = setInterval(gather, POLL_MILLISECONDS);
  const unsubscribe = client.sync.subscribe(gather);
  document.addEventListener('visibilitychange', gather);
  void follow(leaving.signal);
  return () => {
    leaving.abort();
    clearInterval(timer);
    clearTimeout(gathering);
    gathering = undefined;
    unsubscribe();
    document.removeEventListener('visibilitychange', gather);
  };
}

/** Calls back when something may have changed that a list shows. */
export function onChange(listener: () => void): () => void {
  listeners.add(listener);
  if (listeners.size === 1) stop = start();
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) stop();
  };
}
