import type { Clock } from '../../clock.ts';
import { PROGRESS_EVENTS, PROGRESS_MESSAGE_CHARACTERS, PROGRESS_SECONDS } from '../../config/limits.ts';
import { maskedBeginning } from '../../domain/secrets/mask.ts';
import type { ProgressReport } from '../../tools/tool.ts';

export interface ProgressRecorder {
  /** Returns at once and never throws. */
  take(report: ProgressReport): void;
  /** Ends the call: reports that are not recorded yet are dropped. */
  end(): void;
}

/**
 * Records the progress reports of one call: the first one at once, then the newest after each interval, up to a maximum number.
 * A report that cannot be recorded is lost; the call continues.
 */
export function createProgressRecorder(options: {
  clock: Clock;
  record(report: ProgressReport): Promise<void>;
  onLost(error: unknown): void;
}): ProgressRecorder {
  const { clock, record, onLost } = options;
  const ended = new AbortController();
  let newest: ProgressReport | null = null;
  let remaining = PROGRESS_EVENTS;
  let draining: Promise<void> | null = null;

  async function drain(): Promise<void> {
    while (newest !== null && remaining > 0 && !ended.signal.aborted) {
      const report = recordable(newest);
      newest = null;
      remaining -= 1;
      // The sleep ends early only when the call ends, which also ends the loop.
      const pause = clock.sleep(PROGRESS_SECONDS * 1000, ended.signal).catch(() => {});
      await record(report).catch(onLost);
      await pause;
    }
    draining = null;
  }

  return {
    take(report) {
      if (!Number.isFinite(report.progress)) return;
      newest = report;
      if (draining === null) draining = drain();
    },
    // Without a reason, an error with a stack would be made.
    end: () => ended.abort('ended'),
  };
}

/** A report with finite numbers and a message that may be stored. */
function recordable({ progress, total, message }: ProgressReport): ProgressReport {
  return {
    progress,
    total: Number.isFinite(total) ? total : null,
    message: message === null ? null : maskedBeginning(message, PROGRESS_MESSAGE_CHARACTERS),
  };
}
