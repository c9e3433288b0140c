import { describe, expect, test } from 'vitest';
import { fuseRanks, withRecency } from '../../../src/domain/search/ranking.ts';
import { isSameFact } from '../../../src/domain/search/same-fact.ts';
import { snippetOf } from '../../../src/domain/search/snippet.ts';
import { cosineSimilarity, packVector } from '../../../src/domain/search/vectors.ts';

test('fusing ranks puts ids that rank high in both lists first, with a score of at most 1', () => {
  const fused = fuseRanks([
    ['a', 'b', 'c'],
    ['b', 'd'],
  ]);
  expect(fused.map(({ id }) => id)).toEqual(['b', 'a', 'd', 'c']);
  expect(fuseRanks([['a'], ['a']])).toEqual([{ id: 'a', score: 1 }]);
  expect(fuseRanks([[], []])).toEqual([]);
});

test('recency decides between equal relevances, and not between very different ones', () => {
  const month = 30 * 24 * 60 * 60 * 1000;
  expect(withRecency(1, 0)).toBeGreaterThan(withRecency(1, month));
  expect(withRecency(2, 100 * month)).toBeGreaterThan(withRecency(1, 0));
  expect(withRecency(1, -5)).toBe(withRecency(1, 0));
});

describe('comparing facts', () => {
  const long =
    'the weekly meeting of the garden club takes place in the old town hall behind the market square at noon sharp';
  test.each([
    ['Ada likes tea.', 'ada likes TEA!', true],
    ['Ada likes tea.', 'Ada likes coffee.', false],
    ['!!!', '!!!', true],
    ['!!!', '???', false],
    [`${long}`, `${long} always`, true],
    [`${long} 12`, `${long} 13`, false],
    ['', 'x', false],
  ])('%j and %j are the same fact: %s', (left, right, same) => {
    expect(isSameFact(left, right)).toBe(same);
    expect(isSameFact(right, left)).toBe(same);
  });
});

describe('a snippet', () => {
  const terms = { words: ['needle', 'hay'], prefix: true };
  test('shows the text around the matches, in one line', () => {
    const text = `${'straw '.repeat(100)}\na needle in the haystack${' straw'.repeat(100)}`;
    const snippet = snippetOf(text, terms);
    expect(snippet).toContain('a «needle» in the «haystack» straw');
    expect(snippet).toMatch(/^….*…$/);
    expect(snippet.length).toBeLessThan(220);
  });

  test('is the beginning of the text if nothing matches', () => {
    expect(snippetOf('Nothing <b>here</b>', terms)).toBe('Nothing <b>here</b>');
    expect(snippetOf('', terms)).toBe('');
    expect(snippetOf('x'.repeat(5000), terms)).toHaveLength(201);
    expect(snippetOf('東京都', { words: ['東京', '京都'], prefix: false })).toBe('«東京都»');
  });
});

test('packing a vector keeps its direction', () => {
  const left = Float32Array.from({ length: 64 }, (_, index) => Math.sin(index));
  const right = Float32Array.from({ length: 64 }, (_, index) => Math.sin(index) * 7 + 0.1);
  expect(cosineSimilarity(packVector(left), packVector(right))).toBeGreaterThan(0.99);
  expect(cosineSimilarity(packVector(left), packVector(left.map((value) => -value)))).toBeCloseTo(-1);
  expect(cosineSimilarity(packVector(new Float32Array(64)), packVector(left))).toBe(0);
  expect(cosineSimilarity(new Int8Array(), packVector(left))).toBe(0);
});
