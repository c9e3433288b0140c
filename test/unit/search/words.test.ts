import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { passageAt, passagesOf } from '../../../src/domain/search/passages.ts';
import { searchTerms } from '../../../src/domain/search/search-terms.ts';
import { wordSpans, wordsOf } from '../../../src/domain/search/words.ts';

describe('words', () => {
  test.each([
    ['Größe STRASSE straße', ['grosse', 'strasse', 'strasse']],
    ['Ångström naïve café', ['angstrom', 'naive', 'cafe']],
    ['ёлка Йод', ['елка', 'иод']],
    ["don't e-mail 3.14", ['don', 't', 'e', 'mail', '3', '14']],
    ['नमस्ते दुनिया', ['नमस्ते', 'दुनिया']],
    ['한국어', ['한국어']],
    ['東京都は abc東京x 山', ['東京', '京都', '都は', 'abc', '東京', 'x', '山']],
    ['!?… \0 👩‍👩‍👧 \uE000', []],
    ['', []],
  ])('of %j are small letters without accents', (text, words) => {
    expect(wordsOf(text)).toEqual(words);
  });

  test('of any text hold nothing that a query language could take for its own', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        for (const { word, start, end } of wordSpans(text)) {
          expect(word).toMatch(/^[\p{L}\p{N}\p{M}]{1,64}$/u);
          expect(end).toBeGreaterThan(start);
          expect(end).toBeLessThanOrEqual(text.length);
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe('passages', () => {
  test('of a long text hold all of its words, none cut where there are blanks', () => {
    const text = Array.from({ length: 3000 }, (_, index) => `word${index}`).join(' ');
    const passages = passagesOf(text);
    expect(passages.length).toBeGreaterThan(3);
    expect(passages.flatMap(({ words }) => words.split(' '))).toEqual(wordsOf(text));
    expect(passages.map(({ start }) => passageAt(text, start)).join('')).toBe(text);
  });

  test('cut no pair of surrogates', () => {
    const text = `x${'😀'.repeat(5000)}`;
    for (const { start } of passagesOf(text)) expect(passageAt(text, start).isWellFormed()).toBe(true);
  });
});

describe('a question', () => {
  test('has each word once, and its last may be the beginning of one', () => {
    expect(searchTerms('The the CAT')).toEqual({ words: ['the', 'cat'], prefix: true });
    expect(searchTerms('cat?')).toEqual({ words: ['cat'], prefix: false });
    expect(searchTerms('?!')).toBeNull();
  });

  test('that is long keeps its longest words', () => {
    const long = Array.from({ length: 30 }, (_, index) => `a${'b'.repeat(index)}`).join(' ');
    const question = searchTerms(long);
    expect(question?.words).toHaveLength(16);
    expect(question?.words.at(-1)).toHaveLength(30);
    expect(question?.prefix).toBe(false);
  });
});
