import { parse } from 'graphql';
import { expect, test } from 'vitest';
import { createKnownDocuments } from '../../../src/server/transport/known-documents.ts';

const short = (name: string) => `{ ${name} }`;

test('what was asked last is found again, and what was not asked for longest goes first', () => {
  // Three tokens of 512 bytes and five characters of 64: 1,856 bytes each, and room for five.
  const known = createKnownDocuments(10_000);
  const texts = ['a', 'b', 'c', 'd', 'e'].map(short);
  for (const text of texts) known.keep(text, parse(text));
  expect(texts.every((text) => known.find(text) !== null)).toBe(true);
  known.find(short('a'));
  known.keep(short('f'), parse(short('f')));
  expect([...texts, short('f')].map((text) => known.find(text) !== null)).toEqual([
    true,
    false,
    true,
    true,
    true,
    true,
  ]);
});

test('a document that is kept again takes its room once', () => {
  const known = createKnownDocuments(10_000);
  for (let count = 0; count < 100; count += 1) known.keep(short('a'), parse(short('a')));
  known.keep(short('b'), parse(short('b')));
  expect(known.find(short('a'))).not.toBeNull();
});

test('one that would take a quarter of the room is not kept, be it for its tokens, its comments or its blanks', () => {
  const known = createKnownDocuments(1_000_000);
  const long = [`{ ${'a '.repeat(500)} }`, `{ a }${'\n#'.repeat(2000)}`, `{ a }${' '.repeat(4000)}`];
  for (const text of long) known.keep(text, parse(text));
  expect(long.map((text) => known.find(text))).toEqual([null, null, null]);
});
