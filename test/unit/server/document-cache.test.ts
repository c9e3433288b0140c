import { parse } from 'graphql';
import { expect, test } from 'vitest';
import { createDocumentCache } from '../../../src/server/transport/documents.ts';

const textOf = (field: string) => `{ ${field} }`;

test('removes the least recently used document when a new one does not fit', () => {
  // A document of 3 tokens and 5 characters takes 3 * 512 + 5 * 64 = 1,856 bytes: five of them fit.
  const cache = createDocumentCache(10_000);
  const texts = ['a', 'b', 'c', 'd', 'e'].map(textOf);
  for (const text of texts) cache.set(text, parse(text));
  expect(texts.every((text) => cache.has(text))).toBe(true);
  cache.get(textOf('a'));
  cache.set(textOf('f'), parse(textOf('f')));
  expect([...texts, textOf('f')].filter((text) => !cache.has(text))).toEqual([textOf('b')]);
});

test('counts a document once that is added repeatedly', () => {
  const cache = createDocumentCache(10_000);
  for (let count = 0; count < 100; count += 1) cache.set(textOf('a'), parse(textOf('a')));
  cache.set(textOf('b'), parse(textOf('b')));
  expect(cache.has(textOf('a'))).toBe(true);
});

test.each([
  ['tokens', `{ ${'a '.repeat(500)} }`],
  ['comments', `{ a }${'\n#'.repeat(2000)}`],
  ['white space', `{ a }${' '.repeat(4000)}`],
])('rejects a document that takes a quarter of the cache because of its %s', (_what, text) => {
  const cache = createDocumentCache(1_000_000);
  cache.set(text, parse(text));
  expect(cache.has(text)).toBe(false);
});
