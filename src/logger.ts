import { type Logger, pino } from 'pino';

export type { Logger };

/** Structured JSON lines on standard output; nothing a user or model wrote goes into them. */
export function createLogger(level: string): Logger {
  return pino({ level, base: undefined, timestamp: pino.stdTimeFunctions.isoTime });
}

/** Something that is tried again and again. */
export interface OutageLog {
  failed(error: unknown): void;
  worked(): void;
}

/** Says once that it fails and once that it works again, however often it is tried meanwhile. */
export function createOutageLog(logger: Logger, what: string): OutageLog {
  let failures = 0;
  return {
    failed(error) {
      failures += 1;
      if (failures === 1) logger.warn({ err: error }, `${what} fails; it is tried again until it works`);
    },
    worked() {
      if (failures > 0) logger.info({ failures }, `${what} works again`);
      failures = 0;
    },
  };
}
