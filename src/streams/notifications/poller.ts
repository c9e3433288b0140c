import type { NotificationHub } from './hub.ts';

export interface Poller {
  /** Begins to look, at a bounded rate. Doing it again changes nothing. */
  start(): void;
  stop(): void;
}

interface PollerOptions {
  bus: NotificationHub;
  timer(milliseconds: number, callback: () => void): () => void;
  pollMilliseconds: number;
  /** Of the tapes that there are, seq of the newest event. */
  heads(runIds: string[]): Promise<ReadonlyMap<string, number>>;
  /** Hears of each look. */
  outage: { failed(error: unknown): void; worked(): void };
}

/** Stands in for wake-ups that do not arrive: tells listeners to look for themselves, those of a tape only where it has grown. */
export function createPoller({ bus, timer, pollMilliseconds, heads, outage }: PollerOptions): Poller {
  const known = new Map<string, number>();
  let cancel: (() => void) | null = null;

  async function look(): Promise<void> {
    const topics = bus.topics();
    const runIds = topics.filter((topic) => topic.startsWith('run_'));
    const found = runIds.length > 0 ? await heads(runIds) : new Map<string, number>();
    for (const runId of known.keys()) if (!found.has(runId)) known.delete(runId);
    for (const [runId, head] of found) {
      if (known.get(runId) === head) continue;
      known.set(runId, head);
      bus.missed(runId);
    }
    for (const topic of topics) if (!topic.startsWith('run_')) bus.missed(topic);
  }

  function next(): void {
    const mine = timer(pollMilliseconds, () => {
      look()
        .then(outage.worked, outage.failed)
        // Somebody may have stopped it meanwhile, and begun anew.
        .finally(() => cancel === mine && next());
    });
    cancel = mine;
  }

  return {
    start() {
      if (!cancel) next();
    },
    stop() {
      cancel?.();
      cancel = null;
      known.clear();
    },
  };
}
