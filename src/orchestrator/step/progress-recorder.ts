import type { Clock } from '../../clock.ts';
import { PROGRESS_EVENTS, PROGRESS_MESSAGE_CHARACTERS, PROGRESS_SECONDS } from '../../config/limits.ts';
import { maskText } from '../../domain/secrets/mask.ts';
import { storableText } from '../../domain/storable-text.ts';
import { firstCharacters } from '../../tools/bounded-call.ts';
import type { ProgressReport } from '../../tools/tool.ts';

/** Of a message that is far too long, so much is searched for credentials: the cut comes far behind what is kept. */
const SEARCHED_CHARACTERS = 32 * PROGRESS_MESSAGE_CHARACTERS;

export interface ProgressRecorder {
  /** Returns at once and never throws. */
  take(report: ProgressReport): void;
  /** The call is over: whatever has not been handed on by now is dropped. */
  end(): void;
}

/**
 * Hands on what a tool reports of one call: the first report at once, then the newest after each pause, up to a number.
 * What can not be recorded is lost, and the call goes on.
 */
export function createProgressRecorder(options: {
  clock: Clock;
  record(report: ProgressReport): Promise<void>;
  onLost(error: unknown): void;
}): ProgressRecorder {
  const { clock, record, onLost } = options;
  const ended = new AbortController();
  let newest: ProgressReport | null = null;
  let left = PROGRESS_EVENTS;
  let working: Promise<void> | null = null;

  async function work(): Promise<void> {
    while (newest !== null && left > 0 && !ended.signal.aborted) {
      const report = recordable(newest);
      newest = null;
      left -= 1;
      // The pause ends early only with the call, and then the loop does too.
      const pause = clock.sleep(PROGRESS_SECONDS * 1000, ended.signal).catch(() => {});
      await record(report).catch(onLost);
      await pause;
    }
    working = null;
  }

  return {
    take(report) {
      if (left === 0 || ended.signal.aborted || !Number.isFinite(report.progress)) return;
      newest = report;
      if (working === null) working = work();
    },
    end: () => ended.abort(),
  };
}

/** As it may stand on the tape. */
function recordable({ progress, total, message }: ProgressReport): ProgressReport {
  return {
    progress,
    total: total !== null && Number.isFinite(total) ? total : null,
    message: message === null ? null : recordableText(message),
  };
}

function recordableText(text: string): string {
  // Masked before it is cut: half a credential looks like none.
  const masked = maskText(storableText(firstCharacters(text, SEARCHED_CHARACTERS)));
  return firstCharacters(masked, PROGRESS_MESSAGE_CHARACTERS);
}
