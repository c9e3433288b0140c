import { JSON_LEVELS } from '../config/limits.ts';
import type { Json } from '../domain/events.ts';
import { builder } from './builder.ts';
import { badUserInput } from './public-errors.ts';

builder.scalarType('DateTime', {
  description:
    'An instant in RFC 3339 format, for example `2026-11-22T10:15:30.123Z`. Output is in UTC with milliseconds; input may have any offset.',
  specifiedByURL: 'https://datatracker.ietf.org/doc/html/rfc3339#section-5.6',
  serialize: createInstantFormatter(),
  parseValue: parseInstant,
});

builder.scalarType('JSON', {
  description: `Any JSON value. Input may be nested at most ${JSON_LEVELS} levels deep.`,
  specifiedByURL: 'https://datatracker.ietf.org/doc/html/rfc8259',
  serialize: (value) => value,
  parseValue: parseJson,
});

/**
 * Returns a function that formats like `toISOString`, but remembers the text of the last second: events of one page are close
 * together, and `toISOString` takes eight times as long.
 */
export function createInstantFormatter(): (instant: Date) => string {
  let lastSecond = Number.NaN;
  let lastText = '';
  return (instant) => {
    const milliseconds = instant.getTime();
    const second = Math.floor(milliseconds / 1000);
    if (second !== lastSecond) {
      lastText = new Date(second * 1000).toISOString().slice(0, -'000Z'.length);
      lastSecond = second;
    }
    return `${lastText}${String(milliseconds - second * 1000).padStart(3, '0')}Z`;
  };
}

/** Checks depth and numbers alone: variables come from a JSON parser and literals from the document, so both are JSON. */
function parseJson(value: unknown): Json {
  if (isDeeperThan(value, JSON_LEVELS))
    throw badUserInput(`The JSON value is nested more than ${JSON_LEVELS} levels deep. Send a flatter value.`);
  // It would be stored as null.
  if (hasInfinity(value))
    throw badUserInput('The JSON value has a number beyond ±1.8e308, which cannot be stored. Send it as text.');
  return value as Json;
}

/** JSON parsers read a number such as 1e400 as infinity. */
function hasInfinity(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isFinite(value);
  return typeof value === 'object' && value !== null && Object.values(value).some(hasInfinity);
}

/** Never descends further than `levels`. */
function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(inner, levels - 1));
}

const rfc3339 = /^(\d{4}-\d{2}-\d{2})T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/;

/** Throws BAD_USER_INPUT if the value is not an RFC 3339 instant, or names a day that does not exist. */
export function parseInstant(value: unknown): Date {
  const [, day = ''] = (typeof value === 'string' && rfc3339.exec(value.toUpperCase())) || [];
  const midnight = new Date(`${day}T00:00:00Z`);
  // JavaScript reads 30 February as 2 March.
  const exists = !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
  if (day === '' || !exists) {
    throw badUserInput(
      `${JSON.stringify(value)} is not an RFC 3339 instant. Write it in the form 2026-11-22T10:15:30.123Z.`,
    );
  }
  return new Date(String(value).toUpperCase());
}
