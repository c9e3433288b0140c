import { describe, expect, test } from 'vitest';
import { passageAt, passagesOf } from '../../../src/domain/search/passages.ts';
import { fuseRanks, withRecency } from '../../../src/domain/search/ranking.ts';
import { isSameFact } from '../../../src/domain/search/same-fact.ts';
import { cosineSimilarity, packVector } from '../../../src/domain/search/vectors.ts';

describe('passages', () => {
  const partsOf = (text: string) => passagesOf(text).map(({ part, start }) => [part, start]);

  test('have at most 4,000 characters', () => {
    expect(partsOf('x'.repeat(4000))).toEqual([[0, 0]]);
    expect(partsOf('x'.repeat(4001))).toEqual([
      [0, 0],
      [1, 4000],
    ]);
    expect(passageAt('x'.repeat(9000), 4000)).toHaveLength(4000);
    expect(passagesOf('')).toEqual([]);
  });

  test('end after the last blank of their second half', () => {
    const textWith = (letters: number) => `${'a'.repeat(letters)} ${'b'.repeat(1000)} ${'c'.repeat(5000)}`;
    expect(partsOf(textWith(1001))).toEqual([
      [0, 0],
      [1, 2003],
      [2, 6003],
    ]);
    expect(partsOf(textWith(999))).toEqual([
      [0, 0],
      [1, 4000],
    ]);
    expect(partsOf(textWith(998))[1]).toEqual([1, 4000]);
  });

  test('without words are left out, and keep their number', () => {
    expect(passagesOf(`${'.'.repeat(4000)}one\ntwo${'.'.repeat(5000)}`)).toEqual([
      { part: 1, start: 4000, words: 'one two' },
    ]);
  });

  test('do not begin in the middle of a character', () => {
    expect(passagesOf(`x${'😀'.repeat(5000)}y z`)).toEqual([
      { part: 0, start: 0, words: 'x' },
      { part: 2, start: 7999, words: 'y z' },
    ]);
    expect(partsOf(`a${'b'.repeat(3999)}${'😀c'.repeat(2)}`)[1]).toEqual([1, 4000]);
  });
});

describe('fused ranks', () => {
  test('add up, and are divided by the number of lists', () => {
    expect(fuseRanks([['a', 'b'], ['b'], []])).toEqual([
      { id: 'b', score: expect.closeTo((61 / 62 + 1) / 3, 10) },
      { id: 'a', score: expect.closeTo(1 / 3, 10) },
    ]);
    expect(fuseRanks([['a', 'b', 'c']]).map(({ score }) => score)).toEqual([
      1,
      expect.closeTo(61 / 62, 10),
      expect.closeTo(61 / 63, 10),
    ]);
    expect(fuseRanks([])).toEqual([]);
  });

  test('that are equal put the newer id first', () => {
    expect(fuseRanks([['a'], ['c'], ['b']]).map(({ id }) => id)).toEqual(['c', 'b', 'a']);
  });
});

test('recency adds a quarter to a new match, half of that after 30 days, and less later', () => {
  const day = 24 * 60 * 60 * 1000;
  expect(withRecency(1, 0)).toBe(1.25);
  expect(withRecency(2, 30 * day)).toBe(2.25);
  expect(withRecency(1, 60 * day)).toBe(1.0625);
});

describe('vectors', () => {
  test('are packed into one signed byte for each dimension', () => {
    expect([...packVector(Float32Array.of(2, -1, 0.5, 0))]).toEqual([127, -63, 32, 0]);
    expect([...packVector(Float32Array.of(-4, 1))]).toEqual([-127, 32]);
    expect([...packVector(Float32Array.of(0, 0))]).toEqual([0, 0]);
  });

  test('are as similar as the cosine of their angle', () => {
    const similarity = (left: number[], right: number[]) =>
      cosineSimilarity(Int8Array.from(left), Int8Array.from(right));
    expect(similarity([3, 4], [6, 8])).toBe(1);
    expect(similarity([1, 0], [0, 1])).toBe(0);
    expect(similarity([1, 0], [1, 1])).toBeCloseTo(Math.SQRT1_2);
    expect(similarity([1, 2, 3], [-1, -2, -3])).toBeCloseTo(-1);
  });

  test('of different lengths or without a direction are not similar', () => {
    const similarity = (left: number[], right: number[]) =>
      cosineSimilarity(Int8Array.from(left), Int8Array.from(right));
    expect(similarity([1, 1], [1, 1, 1])).toBe(0);
    expect(similarity([0, 0], [1, 1])).toBe(0);
    expect(similarity([1, 1], [0, 0])).toBe(0);
    expect(similarity([], [])).toBe(0);
  });
});

describe('two texts', () => {
  const words = (count: number, from = 0) =>
    Array.from({ length: count }, (_, index) => `w${'abcdefghijklmnopqrstuvwxyz'[index + from]}`).join(' ');

  test('state the same fact if one has few words more, and not with another word in the place of one', () => {
    expect(isSameFact(words(10), words(9))).toBe(true);
    expect(isSameFact(words(9), words(8))).toBe(false);
    expect(isSameFact(words(20), words(19, 1))).toBe(true);
    expect(isSameFact(`${words(20)} x`, `${words(20)} y`)).toBe(false);
    expect(isSameFact(words(20), `${words(10)} not ${words(10, 10)}`)).toBe(false);
  });

  test('state different facts if a number differs, or the order of the numbers', () => {
    const many = words(26);
    expect(isSameFact(`${many} 12 13`, `${many} 13 12`)).toBe(false);
    expect(isSameFact(`${many} 12 13`, `${many} 12`)).toBe(false);
    expect(isSameFact(`${many} 1 23`, `${many} 1 24`)).toBe(false);
    expect(isSameFact(`${many} 1 23`, `${many} 12 1`)).toBe(false);
    expect(isSameFact(`${many} ${many.toUpperCase()} q1`, `${many} q2`)).toBe(false);
  });

  test('without words state the same fact only if they are equal except for blanks around them', () => {
    expect(isSameFact(' !!! ', '!!!')).toBe(true);
    expect(isSameFact('!!!', '\n!!!')).toBe(true);
    expect(isSameFact('!!!', 'word')).toBe(false);
    expect(isSameFact('word', '!!!')).toBe(false);
  });
});
