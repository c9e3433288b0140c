import type { Clock } from '../../clock.ts';
import type { NotificationHub } from './hub.ts';

/** Replaces notifications from other servers while they do not arrive. */
export interface Poller {
  /** Repeating it changes nothing. */
  start(): void;
  stop(): void;
}

export interface PollerOptions {
  clock: Clock;
  pollMilliseconds: number;
  /** Seq of the newest event of each tape that exists. */
  heads(runIds: string[]): Promise<ReadonlyMap<string, number>>;
  /** Is told of the outcome of each attempt. */
  outage: { failed(error: unknown): void; worked(): void };
}

/** Reads the heads of all tapes that have listeners in one query, and reports a loss for each tape that has grown and each other topic. */
export function createPoller(hub: NotificationHub, { clock, pollMilliseconds, heads, outage }: PollerOptions): Poller {
  const lastHeads = new Map<string, number>();
  let cancel: (() => void) | null = null;

  async function poll(): Promise<void> {
    const topics = hub.topics();
    const runIds = topics.filter((topic) => topic.startsWith('run_'));
    const currentHeads = runIds.length > 0 ? await heads(runIds) : new Map<string, number>();
    for (const runId of lastHeads.keys()) if (!currentHeads.has(runId)) lastHeads.delete(runId);
    for (const [runId, head] of currentHeads) {
      if (lastHeads.get(runId) === head) continue;
      lastHeads.set(runId, head);
      hub.reportLoss(runId);
    }
    for (const topic of topics) if (!topic.startsWith('run_')) hub.reportLoss(topic);
  }

  function schedule(): void {
    const cancelThis = clock.after(pollMilliseconds, () => {
      poll()
        .then(outage.worked, outage.failed)
        // The poller may have been stopped and started again during the poll.
        .finally(() => cancel === cancelThis && schedule());
    });
    cancel = cancelThis;
  }

  return {
    start() {
      if (!cancel) schedule();
    },
    stop() {
      cancel?.();
      cancel = null;
      lastHeads.clear();
    },
  };
}
