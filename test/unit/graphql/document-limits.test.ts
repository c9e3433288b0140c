import { parse } from 'graphql';
import { describe, expect, test } from 'vitest';
import { parseBounded } from '../../../src/graphql/execution/document-limits.ts';
import { countOverlaps } from '../../../src/graphql/execution/document-overlaps.ts';
import { measureDocument } from '../../../src/graphql/execution/document-size.ts';

const levels = 3000;
const limitOf = (text: string) => {
  try {
    parseBounded(text);
    return null;
  } catch (error) {
    return (error as { extensions?: { limit?: string } }).extensions?.limit;
  }
};

describe('B60: before a document is parsed', () => {
  test.each([
    ['fields', `{ ${'a{'.repeat(levels)}a${'}'.repeat(levels)} }`],
    ['fields that are not closed', `{ ${'a{'.repeat(levels)}`],
    ['lists', `{ a(b: ${'['.repeat(levels)}${']'.repeat(levels)}) }`],
    ['objects', `{ a(b: ${'{c:'.repeat(levels)}1${'}'.repeat(levels)}) }`],
    ['types', `query ($a: ${'['.repeat(levels)}Int${']'.repeat(levels)}) { a }`],
    ['selections after a string and a comment', `{ a(b: "}\\"", c: """ \\""" } """) # }\n ${'a{'.repeat(levels)}`],
  ])('deeply nested %s are refused', (_name, text) => {
    expect(limitOf(text)).toBe('documentDepth');
  });

  test('many lines and many characters are refused', () => {
    expect(limitOf(`{${'\n'.repeat(5000)}`)).toBe('documentLines');
    expect(limitOf(`{${' '.repeat(160 * 1024)}`)).toBe('documentCharacters');
  });

  test('a deep value of JSON and a text with brackets are accepted', () => {
    expect(limitOf(`{ a(b: ${'['.repeat(64)}${']'.repeat(64)}) }`)).toBeNull();
    expect(
      limitOf(`{ a(b: """${'{['.repeat(levels)}""", c: "${'(('.repeat(levels)}") } # ${'{'.repeat(levels)}`),
    ).toBeNull();
  });
});

test.each([
  ['{ a }', 1, 1],
  ['{ a(b: [1, {c: 2}]) }\n\r\n\r', 4, 4],
  ['{ a(b: """\n{\n""") }', 3, 2],
  ['"unclosed { \n {', 2, 1],
  ['"""unclosed {', 1, 0],
  ['}}}}{{', 1, 0],
])('the size of %j is %d lines and %d nested brackets', (text, lines, brackets) => {
  expect(measureDocument(text)).toEqual({ lines, brackets });
});

describe('B60: pairs of fields with the same name at one place', () => {
  const count = (text: string) => countOverlaps(parse(text), 4000);

  test.each([
    ['{ a b c }', 0],
    ['{ a a a }', 3],
    ['{ a { b } a { b } }', 2],
    ['{ a: x a: y }', 1],
    ['{ a { b } ...f } fragment f on Query { a { b } }', 2],
    ['{ ... on Query { a } a }', 1],
    ['{ ...f } fragment f on Query { ...f a }', 1],
  ])('%s: %d', (text, pairs) => {
    expect(count(text)).toBe(pairs);
  });

  test('are refused above the limit', () => {
    expect(limitOf(`{ ${'gateway { models { name } } '.repeat(100)} }`)).toBe('documentOverlaps');
    expect(limitOf(`{ ${'viewer { principal } '.repeat(50)} }`)).toBeNull();
  });

  test('are counted in time that fragments inside fragments do not multiply', () => {
    const fragment = (index: number) => `fragment f${index} on Query { ...f${index + 1} ...f${index + 1} }`;
    const chain = Array.from({ length: 100 }, (_, index) => fragment(index)).join(' ');
    expect(count(`{ ...f0 } ${chain} fragment f100 on Query { a }`)).toBe(0);
  });
});
