import { describe, expect, test } from 'vitest';
import { fuseRanks, withRecency } from '../../../src/domain/search/ranking.ts';
import { isSameFact } from '../../../src/domain/search/same-fact.ts';
import { snippetOf } from '../../../src/domain/search/snippet.ts';
import { cosineSimilarity, packVector } from '../../../src/domain/search/vectors.ts';

test('ranks are fused: what stands high in both lists comes first, and the first of all has 1', () => {
  const fused = fuseRanks([
    ['a', 'b', 'c'],
    ['b', 'd'],
  ]);
  expect(fused.map(({ id }) => id)).toEqual(['b', 'a', 'd', 'c']);
  expect(fuseRanks([['a'], ['a']])).toEqual([{ id: 'a', score: 1 }]);
  expect(fuseRanks([[], []])).toEqual([]);
});

test('of equals the newer is better, and what is much more relevant stays in front', () => {
  const month = 30 * 24 * 60 * 60 * 1000;
  expect(withRecency(1, 0)).toBeGreaterThan(withRecency(1, month));
  expect(withRecency(2, 100 * month)).toBeGreaterThan(withRecency(1, 0));
  expect(withRecency(1, -5)).toBe(withRecency(1, 0));
});

describe('two facts', () => {
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
  ])('%j and %j are the same: %s', (left, right, same) => {
    expect(isSameFact(left, right)).toBe(same);
    expect(isSameFact(right, left)).toBe(same);
  });
});

describe('a snippet', () => {
  const question = { words: ['needle', 'hay'], prefix: true };
  test('shows the words around the hits, in one line', () => {
    const text = `${'straw '.repeat(100)}\na needle in the haystack${' straw'.repeat(100)}`;
    const snippet = snippetOf(text, question);
    expect(snippet).toContain('a «needle» in the «haystack» straw');
    expect(snippet).toMatch(/^….*…$/);
    expect(snippet.length).toBeLessThan(220);
  });

  test('is the beginning where nothing is hit, and holds what was there', () => {
    expect(snippetOf('Nothing <b>here</b>', question)).toBe('Nothing <b>here</b>');
    expect(snippetOf('', question)).toBe('');
    expect(snippetOf('x'.repeat(5000), question)).toHaveLength(201);
    expect(snippetOf('東京都', { words: ['東京', '京都'], prefix: false })).toBe('«東京都»');
  });
});

test('packed vectors keep their direction', () => {
  const left = Float32Array.from({ length: 64 }, (_, index) => Math.sin(index));
  const right = Float32Array.from({ length: 64 }, (_, index) => Math.sin(index) * 7 + 0.1);
  expect(cosineSimilarity(packVector(left), packVector(right))).toBeGreaterThan(0.99);
  expect(cosineSimilarity(packVector(left), packVector(left.map((value) => -value)))).toBeCloseTo(-1);
  expect(cosineSimilarity(packVector(new Float32Array(64)), packVector(left))).toBe(0);
  expect(cosineSimilarity(new Int8Array(), packVector(left))).toBe(0);
});
