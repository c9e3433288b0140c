import { type Logger, pino } from 'pino';

export type { Logger };

/** Logs JSON lines to standard output. Callers must not log text that a user or a model wrote. */
export function createLogger(level: string): Logger {
  return pino({ level, base: undefined, timestamp: pino.stdTimeFunctions.isoTime });
}

/** Receives the outcome of each attempt at an activity that is retried until it succeeds. */
export interface OutageLog {
  failed(error: unknown): void;
  worked(): void;
}

/**
 * Logs the first failure of an outage and its end, not the failures in between.
 * @param activity a gerund phrase, for example `claiming runs`
 */
export function createOutageLog(logger: Logger, activity: string): OutageLog {
  let failures = 0;
  return {
    failed(error) {
      failures += 1;
      if (failures === 1) logger.warn({ err: error }, `${activity} failed; retrying until it succeeds`);
    },
    worked() {
      if (failures > 0) logger.info({ failures }, `${activity} succeeded again`);
      failures = 0;
    },
  };
}
