import { expect, test } from 'vitest';
import { beginningOf, storableText } from '../../../src/domain/storable-text.ts';

test.each([
  ['', ''],
  ['plain, äöü, 漢字, 😀\n\t', 'plain, äöü, 漢字, 😀\n\t'],
  ['a\0b\0', 'a\uFFFDb\uFFFD'],
  ['\uD800', '\uFFFD'],
  ['\uDE00\uD83D', '\uFFFD\uFFFD'],
  ['\uD83D\uDE00\uD83D', '😀\uFFFD'],
])('%j is stored as %j', (text, stored) => {
  expect(storableText(text)).toBe(stored);
  expect(storableText(stored)).toBe(stored);
});

test.each([
  ['plain', 3, 'pla'],
  ['plain', 9, 'plain'],
  ['plain', 0, ''],
  ['a€b', 3, 'a'],
  ['a€b', 4, 'a€'],
  ['a😀b', 4, 'a'],
  ['a😀b', 5, 'a😀'],
  ['\uFEFFa\uFFFDb', 7, '\uFEFFa\uFFFD'],
])('%j within %i bytes is %j', (text, bytes, beginning) => {
  expect(beginningOf(text, bytes)).toBe(beginning);
});
