import { expect, test } from 'vitest';
import { parseBounded } from '../../../src/graphql/execution/document-limits.ts';

const levels = 3000;

test.each([
  ['fields', `{ ${'a{'.repeat(levels)}a${'}'.repeat(levels)} }`],
  ['fields that are not closed', `{ ${'a{'.repeat(levels)}`],
  ['lists', `{ a(b: ${'['.repeat(levels)}${']'.repeat(levels)}) }`],
  ['objects', `{ a(b: ${'{c:'.repeat(levels)}1${'}'.repeat(levels)}) }`],
])('B60: deeply nested %s are a GraphQL error, not an overflow of the stack', (_name, text) => {
  expect(() => parseBounded(text)).toThrow(expect.objectContaining({ name: 'GraphQLError' }));
});
