import { describe, expect, test } from 'vitest';
import { searchTerms } from '../../../src/domain/search/search-terms.ts';
import { wordSpans, wordsOf } from '../../../src/domain/search/words.ts';

test('words have their positions in the original text', () => {
  expect(wordSpans('Grüße, 東京都 abc東京x')).toEqual([
    { word: 'grusse', start: 0, end: 5 },
    { word: '東京', start: 7, end: 9 },
    { word: '京都', start: 8, end: 10 },
    { word: 'abc', start: 11, end: 14 },
    { word: '東京', start: 14, end: 16 },
    { word: 'x', start: 16, end: 17 },
  ]);
});

test.each([
  ['Hiragana', 'がく'.normalize('NFD'), ['がく']],
  ['Katakana', 'カタカナ', ['カタ', 'タカ', 'カナ']],
  ['Thai', 'ภาษาไทย', ['ภา', 'าษ', 'ษา', 'าไ', 'ไท', 'ทย']],
  ['Lao', 'ລາວ', ['ລາ', 'າວ']],
  ['Khmer', 'ខ្មែរ', ['ខ្មែ', 'មែរ']],
  ['Myanmar', 'မြန်မာ', ['မြန်', 'န်မာ']],
])('in %s every pair of neighbouring characters is a word', (_script, text, words) => {
  expect(wordsOf(text)).toEqual(words.map((word) => word.normalize('NFC')));
});

test('a single character of a script without blanks is a word', () => {
  expect(wordsOf('山 川。森')).toEqual(['山', '川', '森']);
});

test.each([
  ['άλφα', ['αλφα']],
  ['İstanbul', ['istanbul']],
  ['ﬁne', ['fine']],
  ['½ ①2 x²', ['12', '12', 'x2']],
  ['𝔘𝔫𝔦', ['uni']],
  ['שָׁלוֹם', ['שָׁלוֹם'.normalize('NFC')]],
])('%s and its other spellings are found by the same words', (text, words) => {
  expect(wordsOf(text)).toEqual(words);
});

test('words of which the rest is ignored have 64 characters, and still cover the whole word', () => {
  const spanOf = (text: string) => wordSpans(text).map(({ word, start, end }) => [[...word].length, start, end]);
  expect(spanOf('a'.repeat(64))).toEqual([[64, 0, 64]]);
  expect(spanOf('a'.repeat(70))).toEqual([[64, 0, 70]]);
  expect(spanOf('e\u0301'.repeat(70))).toEqual([[64, 0, 140]]);
  expect(spanOf('𐐀'.repeat(70))).toEqual([[64, 0, 140]]);
});

describe('the terms of a query', () => {
  const isPrefix = (query: string) => searchTerms(query)?.prefix;

  test('may end in the beginning of a word, unless it is too short in Latin letters', () => {
    expect(['a', 'ab', '12', 'x ab'].map(isPrefix)).toEqual([false, false, false, false]);
    expect(['abc', '123', '東京', '山', 'é2é', 'it'.repeat(2)].map(isPrefix)).toEqual([
      true,
      true,
      true,
      true,
      true,
      true,
    ]);
    expect(['abc ', 'abc.', 'abc "'].map(isPrefix)).toEqual([false, false, false]);
    expect(isPrefix('हि')).toBe(true);
  });

  test('are all words up to 16, in the order of the query, and the longest ones of more', () => {
    const words = Array.from({ length: 16 }, (_, index) => `w${'x'.repeat(index)}`).reverse();
    expect(searchTerms(`${words.join(' ')} abc`.replace('w ', ' '))).toMatchObject({ prefix: true });
    expect(searchTerms(words.join(' '))?.words).toEqual(words);
    expect(searchTerms([...words, 'abc'].join(' '))).toEqual({
      words: [...words.slice(0, -1), 'abc'],
      prefix: false,
    });
    expect(searchTerms(['b', ...words].join(' '))?.words).toHaveLength(16);
  });

  test('beyond the first 2,000 characters are ignored', () => {
    expect(searchTerms(`${' '.repeat(1996)}abcdefgh xyz`)?.words).toEqual(['abcd']);
    expect(searchTerms(`${' '.repeat(2000)}abc`)).toBeNull();
  });
});
