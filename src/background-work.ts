import type { Clock } from './clock.ts';
import type { OutageLog } from './logger.ts';

/** Work that is done in the background: soon after a notification, and at intervals for what was not notified. */
export interface BackgroundWork {
  /** Reports that there is work. It starts soon instead of at the next interval. Returns at once. */
  notify(): void;
  /** Aborts the signal of the work in progress and resolves when it has ended. */
  close(): Promise<void>;
}

export interface BackgroundWorkOptions {
  clock: Pick<Clock, 'after' | 'sleep'>;
  /** Does one portion, and returns whether there may be more. A rejection is retried after a delay. */
  work(signal: AbortSignal): Promise<boolean>;
  /** Time between two looks for work without a notification. */
  pollSeconds: number;
  /** Delay before failed work is repeated. It doubles with each failure in a row, up to `pollSeconds`. */
  retrySeconds: number;
  /** Time from a notification to the work, so that what is notified together is done together. */
  delayMilliseconds?: number;
  outageLog: OutageLog;
}

/** Starts with a look for work that an earlier process left. */
export function startBackgroundWork(options: BackgroundWorkOptions): BackgroundWork {
  const { clock, work, pollSeconds, retrySeconds, delayMilliseconds = 0, outageLog } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  let isNotified = false;
  let endWait = () => {};

  async function run(): Promise<void> {
    let nextRetrySeconds = retrySeconds;
    while (!signal.aborted) {
      isNotified = false;
      try {
        while ((await work(signal)) && !signal.aborted) outageLog.worked();
        outageLog.worked();
        nextRetrySeconds = retrySeconds;
        if (!isNotified && !signal.aborted) await waitForNotification();
        if (isNotified && delayMilliseconds > 0) await pause(delayMilliseconds);
      } catch (error) {
        if (signal.aborted) return;
        outageLog.failed(error);
        // A notification must not shorten the delay after a failure.
        await pause(nextRetrySeconds * 1000);
        nextRetrySeconds = Math.min(nextRetrySeconds * 2, pollSeconds);
      }
    }
  }

  const pause = (milliseconds: number) => clock.sleep(milliseconds, signal).catch(() => undefined);

  function waitForNotification(): Promise<void> {
    return new Promise((resolve) => {
      const cancelTimer = clock.after(pollSeconds * 1000, resolve);
      endWait = () => {
        cancelTimer();
        resolve();
      };
    });
  }

  const running = run();
  return {
    notify() {
      isNotified = true;
      endWait();
    },
    async close() {
      stopping.abort();
      endWait();
      await running;
    },
  };
}
