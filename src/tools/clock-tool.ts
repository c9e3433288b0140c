import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { defineTool, type Tool } from './tool.ts';

const clockInput = z.strictObject({
  timeZone: z.string().min(1).max(64).optional().describe('IANA name such as Europe/Berlin; UTC by default'),
});

/** Returns the current time, in UTC and as local time of one zone. */
export function createClockTool(clock: Clock): Tool {
  return defineTool({
    name: 'clock',
    description: 'Returns the current date and time, in UTC and in a time zone.',
    input: clockInput,
    risk: 'LOW',
    idempotent: true,
    parallelSafe: true,
    timeoutSeconds: 5,
    refuse: ({ timeZone }) =>
      timeZone === undefined || isTimeZone(timeZone)
        ? null
        : `Unknown time zone "${timeZone}". Use an IANA name such as "Europe/Berlin", or omit it for UTC.`,
    execute: async ({ timeZone = 'UTC' }) => {
      const now = new Date(clock.now());
      return { instant: now.toISOString(), timeZone, ...localTime(now, timeZone) };
    },
  });
}

/** Making a formatter takes longer than a tool call does otherwise. There are about 600 names of time zones. */
const formatters = new LRUCache<string, Intl.DateTimeFormat>({ max: 100 });

/** Throws a RangeError if the zone is unknown. */
function formatterOf(timeZone: string): Intl.DateTimeFormat {
  const known = formatters.get(timeZone);
  if (known) return known;
  const formatter = new Intl.DateTimeFormat('en', {
    timeZone,
    hourCycle: 'h23',
    weekday: 'long',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'longOffset',
  });
  formatters.set(timeZone, formatter);
  return formatter;
}

function isTimeZone(name: string): boolean {
  try {
    formatterOf(name);
    return true;
  } catch {
    return false;
  }
}

function localTime(now: Date, timeZone: string): { local: string; weekday: string } {
  const parts = new Map(
    formatterOf(timeZone)
      .formatToParts(now)
      .map(({ type, value }) => [type, value]),
  );
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? '';
  // For UTC the formatter writes `GMT` without an offset.
  const offset = part('timeZoneName').slice('GMT'.length) || '+00:00';
  const date = `${part('year')}-${part('month')}-${part('day')}`;
  return { local: `${date}T${part('hour')}:${part('minute')}:${part('second')}${offset}`, weekday: part('weekday') };
}
