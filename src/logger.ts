import { type Logger, pino } from 'pino';

export type { Logger };

/** Structured JSON lines on standard output; nothing a user or model wrote goes into them. */
export function createLogger(level: string): Logger {
  return pino({ level, base: undefined, timestamp: pino.stdTimeFunctions.isoTime });
}
