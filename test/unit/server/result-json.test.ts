import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import * as clock from '../../../src/clock.ts';
import { isLong, longJson } from '../../../src/server/transport/result-json.ts';

const MEBIBYTE = 1024 * 1024;
const textOf = async (value: unknown) => Buffer.concat((await longJson(value, 64 * MEBIBYTE)) ?? []).toString();

test('the JSON of a long value is that of JSON.stringify', async () => {
  const long = 'é😀"\\\u0001\ud83d'.repeat(100_000);
  const values: unknown[] = [
    long,
    { long, empty: '', list: [long, null, [], {}, 1.5, true], 'a "name"': { long } },
    Array.from({ length: 50_000 }, (_, index) => ({ id: `run_${index}`, ok: true, none: null })),
    // A surrogate pair at the end of a step.
    ...[-1, 0, 1].map((shift) => `${'a'.repeat(128 * 1024 + shift)}😀${'b'.repeat(200_000)}`),
  ];
  for (const value of values) expect((await textOf(value)) === JSON.stringify(value)).toBe(true);
  const shorter = long.slice(0, 60_000);
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), async (value) => {
      const list = [value, shorter, value];
      expect((await textOf(list)) === JSON.stringify(list)).toBe(true);
    }),
    { numRuns: 20 },
  );
});

test('is made in steps between which other work runs', async () => {
  const nextTurn = vi.spyOn(clock, 'nextTurn');
  await textOf(['a'.repeat(2 * MEBIBYTE), ...Array(50_000).fill('b')]);
  expect(nextTurn.mock.calls.length).toBeGreaterThanOrEqual(16);
  nextTurn.mockRestore();
});

test('is not made beyond the limit', async () => {
  const text = 'a'.repeat(MEBIBYTE);
  expect(await longJson(Array(100).fill(text), 2 * MEBIBYTE)).toBeNull();
  expect(await longJson([text], 2 * MEBIBYTE)).not.toBeNull();
});

test('a value is long if it has many characters, values or members', () => {
  expect([isLong(null), isLong({ data: { viewer: { principal: 'ada' } } }), isLong('a'.repeat(100_000))]).toEqual([
    false,
    false,
    false,
  ]);
  const members = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`k${index}`, 0]));
  expect([isLong('a'.repeat(200_000)), isLong({ list: Array(20_000).fill(0) }), isLong(members)]).toEqual([
    true,
    true,
    true,
  ]);
});
