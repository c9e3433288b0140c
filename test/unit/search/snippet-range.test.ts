import { expect, test } from 'vitest';
import { snippetOf } from '../../../src/domain/search/snippet.ts';

const terms = { words: ['needle', 'hay'], prefix: true };
const straw = (count: number) => 'straw '.repeat(count);

test('a snippet begins within 60 characters before the match, at a word, and ends at a word', () => {
  const text = `${straw(100)}\na needle in the haystack ${straw(100)}`;
  expect(snippetOf(text, terms)).toBe(`…${straw(9)}a «needle» in the «haystack» ${straw(20).trimEnd()}…`);
});

test('a snippet of a short text is the whole text without an ellipsis', () => {
  expect(snippetOf('needle', terms)).toBe('«needle»');
  expect(snippetOf('  a \n\t needle  ', terms)).toBe('a «needle»');
});

test('a snippet that reaches the end of the text has an ellipsis at its beginning only', () => {
  expect(snippetOf(`${straw(33)}needle`, terms)).toBe(`…${straw(9)}«needle»`);
});

test('the last word of a query matches the beginning of a word only if it may be a prefix', () => {
  expect(snippetOf('A needle in the haystack. Needles, hay.', { ...terms, prefix: false })).toBe(
    'A «needle» in the haystack. Needles, «hay».',
  );
  expect(snippetOf('A needle in the haystack. Needles, hay.', terms)).toBe(
    'A «needle» in the «haystack». Needles, «hay».',
  );
  expect(snippetOf('straw', { words: [], prefix: true })).toBe('straw');
});

test('only the last word of a query can be a prefix', () => {
  const three = { words: ['grass', 'need', 'hay'], prefix: true };
  expect(snippetOf('needle haystack grasshopper grass', three)).toBe('needle «haystack» grasshopper «grass»');
});

test('a snippet shows the matches with the most different words, and no part of the others', () => {
  const text = `needle ${straw(60)}hay needle ${straw(60)}needle`;
  expect(snippetOf(text, terms)).toBe(`…${straw(9)}«hay» «needle» ${straw(22).trimEnd()}…`);
});

test('a snippet ends before a word that does not fit into it', () => {
  expect(snippetOf(`${'x'.repeat(195)} straws ${straw(9)}`, terms)).toBe(`${'x'.repeat(195)}…`);
  expect(snippetOf(`${'x'.repeat(193)} straws`, terms)).toBe(`${'x'.repeat(193)} straws`);
  expect(snippetOf(`${straw(9)}${'x'.repeat(300)}`, terms)).toBe(`${straw(9)}${'x'.repeat(146)}…`);
});

test('among equally good matches a snippet shows the first', () => {
  expect(snippetOf(`first needle ${straw(60)}second needle ${straw(60)}`, terms)).toMatch(/^first «needle» /);
});

test('words that do not fit into one snippet do not count together', () => {
  const text = `needle ${straw(40)}hay hay ${straw(5)}needle ${straw(40)}`;
  expect(snippetOf(text, terms)).toContain('«hay» «hay» straw straw straw straw straw «needle»');
});

test('text without blanks is cut at the match and at the end of the snippet', () => {
  expect(snippetOf(`${'x'.repeat(300)} needle ${'y'.repeat(300)}`, terms)).toBe(`…«needle» ${'y'.repeat(193)}…`);
});

test('overlapping matches are marked as one, adjacent ones separately', () => {
  expect(snippetOf('東京都東', { words: ['東京', '京都', '都東'], prefix: false })).toBe('«東京都東»');
  expect(snippetOf('東京都市', { words: ['東京', '都市'], prefix: false })).toBe('«東京»«都市»');
});

test('a snippet never ends in half a character', () => {
  const snippet = snippetOf(`x${'😀'.repeat(300)}`, terms);
  expect(snippet).toBe(`x${'😀'.repeat(99)}\uFFFD…`);
});
