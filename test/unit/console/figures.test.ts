import { expect, test } from 'vitest';
import { cost, shortId, tokens } from '../../../console/src/text/figures.ts';
import { duration, relativeTime } from '../../../console/src/text/time.ts';

test.each([
  [0, '0 ms'],
  [999, '999 ms'],
  [14_230, '14.2 s'],
  [125_000, '2 min 5 s'],
  [7_800_000, '2 h 10 min'],
  [7_200_000, '2 h'],
  [90_000_000, '1 day 1 h'],
])('%i ms last %s', (milliseconds, text) => expect(duration(milliseconds)).toBe(text));

test.each([
  [-1_000, 'just now'],
  [-125_000, '2 min ago'],
  [-90_000_000, '1 day ago'],
  [82_900_000, 'in 23 h'],
])('%i ms from now is %s', (difference, text) => {
  const now = Date.parse('2026-11-26T12:00:00Z');
  expect(relativeTime(new Date(now + difference).toISOString(), now)).toBe(text);
});

test.each([
  [null, '–'],
  [0, '0.00'],
  [1.925, '1.93'],
  [0.0041, '0.0041'],
  [0.000_000_12, '0.00000012'],
])('the cost %s is shown as %s', (value, text) => expect(cost(value)).toBe(text));

test('estimated figures are marked, and ids keep both ends', () => {
  expect(tokens({ totalTokens: 1204, estimated: true })).toBe('≈ 1,204 tokens');
  expect(tokens({ totalTokens: 12, estimated: false })).toBe('12 tokens');
  expect(shortId('run_01M8ABCDEFGHJKMNPQRSTVWXYZ')).toBe('run_…TVWXYZ');
});
