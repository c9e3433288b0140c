import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { passageAt, passagesOf } from '../../../src/domain/search/passages.ts';
import { searchTerms } from '../../../src/domain/search/search-terms.ts';
import { wordSpans, wordsOf } from '../../../src/domain/search/words.ts';

/** Any code point. The built-in unit of all characters takes seconds to set up. */
const character = fc.integer({ min: 0, max: 0x10ffff }).map((codePoint) => String.fromCodePoint(codePoint));

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
  ])('of %j are in lower case, without accents', (text, words) => {
    expect(wordsOf(text)).toEqual(words);
  });

  test('of a text of ASCII characters are those of its spans', () => {
    const ascii = fc.integer({ min: 0, max: 0x7f }).map((code) => String.fromCharCode(code));
    fc.assert(
      fc.property(fc.string({ unit: ascii, maxLength: 200 }), (text) => {
        expect(wordsOf(text)).toEqual(wordSpans(text).map(({ word }) => word));
      }),
    );
    expect(wordsOf('x'.repeat(70))).toEqual(['x'.repeat(64)]);
  });

  test('of any text contain letters, digits and marks only, so no syntax of a query language', () => {
    fc.assert(
      fc.property(fc.string({ unit: character, maxLength: 60 }), (text) => {
        const invalid = wordSpans(text).filter(
          ({ word, start, end }) => !/^[\p{L}\p{N}\p{M}]{1,64}$/u.test(word) || end <= start || end > text.length,
        );
        expect(invalid).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });
});

describe('passages', () => {
  test('of a long text contain all of its words, cut at blanks', () => {
    const text = Array.from({ length: 3000 }, (_, index) => `word${index}`).join(' ');
    const passages = passagesOf(text);
    expect(passages.length).toBeGreaterThan(3);
    expect(passages.flatMap(({ words }) => words.split(' '))).toEqual(wordsOf(text));
    expect(passages.map(({ start }) => passageAt(text, start)).join('')).toBe(text);
  });

  test('do not split surrogate pairs', () => {
    const text = `x${'😀'.repeat(5000)}`;
    for (const { start } of passagesOf(text)) expect(passageAt(text, start).isWellFormed()).toBe(true);
  });
});

describe('the terms of a query', () => {
  test('contain each word once, and say whether the last one may be a prefix', () => {
    expect(searchTerms('The the CAT')).toEqual({ words: ['the', 'cat'], prefix: true });
    expect(searchTerms('cat?')).toEqual({ words: ['cat'], prefix: false });
    expect(searchTerms('?!')).toBeNull();
  });

  test('are the longest words of a long query', () => {
    const long = Array.from({ length: 30 }, (_, index) => `a${'b'.repeat(index)}`).join(' ');
    const terms = searchTerms(long);
    expect(terms?.words).toHaveLength(16);
    expect(terms?.words.at(-1)).toHaveLength(30);
    expect(terms?.prefix).toBe(false);
  });
});
