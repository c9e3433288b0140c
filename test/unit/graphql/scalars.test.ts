import { GraphQLScalarType, parseValue } from 'graphql';
import { expect, test } from 'vitest';
import { createInstantFormatter, parseInstant } from '../../../src/graphql/scalars.ts';
import { schema } from '../../../src/graphql/schema.ts';

test.each([
  ['2026-11-22T10:15:30.123Z', '2026-11-22T10:15:30.123Z'],
  ['2026-11-22T10:15:30Z', '2026-11-22T10:15:30.000Z'],
  ['2026-11-22t10:15:30.1234567z', '2026-11-22T10:15:30.123Z'],
  ['2026-11-22T10:15:30+02:00', '2026-11-22T08:15:30.000Z'],
  ['2024-02-29T23:59:59-12:30', '2024-03-01T12:29:59.000Z'],
])('%s is parsed as an instant', (text, instant) => expect(parseInstant(text).toISOString()).toBe(instant));

test.each([
  '',
  'yesterday',
  '2026-11-22',
  '2026-11-22T10:15:30',
  '2026-02-30T00:00:00Z',
  '2026-13-01T00:00:00Z',
  '2026-11-22T24:00:00Z',
  '2026-11-22T10:15:30+99:00',
  ' 2026-11-22T10:15:30Z',
  1763806530,
  null,
  {},
])('%j is rejected', (value) => {
  expect(() => parseInstant(value)).toThrow(
    'is not an RFC 3339 instant. Write it in the form 2026-11-22T10:15:30.123Z.',
  );
});

test('output is in UTC with milliseconds', () => {
  const type = schema.getType('DateTime');
  expect(type).toBeInstanceOf(GraphQLScalarType);
  expect((type as GraphQLScalarType).serialize(new Date(0))).toBe('1970-01-01T00:00:00.000Z');
});

test('the formatter writes every instant like toISOString', () => {
  const format = createInstantFormatter();
  const times = [
    0, 1, 999, 1000, -1, -1000, 1_763_806_530_007, 1_763_806_530_120, 1_763_806_531_000, 8.64e15, -8.64e15,
  ];
  for (const time of [...times, ...times.reverse()]) {
    expect(format(new Date(time))).toBe(new Date(time).toISOString());
  }
  expect(() => format(new Date(Number.NaN))).toThrow(RangeError);
});

test('a JSON value with a number beyond the range of numbers is rejected, and not stored as null', () => {
  const type = schema.getType('JSON') as GraphQLScalarType;
  for (const text of ['1e309', '[-1e309]', '{"a": [{"b": 1e400}]}']) {
    const message = 'The JSON value has a number beyond ±1.8e308, which cannot be stored. Send it as text.';
    expect(() => type.parseValue(JSON.parse(text))).toThrow(message);
    expect(() => type.parseLiteral(parseValue(text.replaceAll('"', '')))).toThrow(message);
  }
  for (const text of ['1.7e308', '{"a": [null, "1e309", true]}']) {
    expect(type.parseValue(JSON.parse(text))).toEqual(JSON.parse(text));
  }
});
