import { JSON_LEVELS } from '../config/limits.ts';
import type { Json } from '../domain/events.ts';
import { builder } from './builder.ts';
import { badUserInput } from './public-errors.ts';

builder.scalarType('DateTime', {
  description:
    'An instant as RFC 3339 text, for example `2026-11-22T10:15:30.123Z`. Answers are in UTC with milliseconds.',
  serialize: instantText,
  parseValue: parseInstant,
});

builder.scalarType('JSON', {
  description: 'Any JSON value.',
  serialize: (value) => value,
  parseValue: parseJson,
});

/** The newest second that was written: events of one page are close to each other, and writing a date out takes a microsecond. */
let lastSecond = { seconds: Number.NaN, text: '' };

/** As `toISOString`. */
export function instantText(instant: Date): string {
  const milliseconds = instant.getTime();
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds !== lastSecond.seconds) {
    lastSecond = { seconds, text: new Date(seconds * 1000).toISOString().slice(0, -'000Z'.length) };
  }
  return `${lastSecond.text}${String(milliseconds - seconds * 1000).padStart(3, '0')}Z`;
}

/** Variables come out of a JSON parser and literals out of the document: neither can hold anything but JSON. */
function parseJson(value: unknown): Json {
  if (isDeeperThan(value, JSON_LEVELS)) throw badUserInput(`A JSON value has at most ${JSON_LEVELS} levels.`);
  return value as Json;
}

/** Looks no deeper than it may be, whatever comes. */
function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(inner, levels - 1));
}

const rfc3339 = /^(\d{4}-\d{2}-\d{2})T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/;

/** Throws where the text is not an instant; days that no month has are none. */
export function parseInstant(value: unknown): Date {
  const [, day = ''] = (typeof value === 'string' && rfc3339.exec(value.toUpperCase())) || [];
  const midnight = new Date(`${day}T00:00:00Z`);
  // JavaScript reads 30 February as 2 March.
  const exists = !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
  if (day === '' || !exists) {
    throw badUserInput(`${JSON.stringify(value)} is not an instant; write it like 2026-11-22T10:15:30.123Z.`);
  }
  return new Date(String(value).toUpperCase());
}
