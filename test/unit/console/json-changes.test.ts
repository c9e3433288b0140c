import { expect, test } from 'vitest';
import { changesBetween, isEqual } from '../../../console/src/text/json-changes.ts';

test('added, changed and removed members are listed with their paths', () => {
  const before = { url: 'https://example.com', headers: { accept: '*/*' }, tags: ['a', 'b'], old: 1 };
  const after = { url: 'https://example.org', headers: { accept: '*/*', cookie: 'x' }, tags: ['a', 'c'] };
  expect(changesBetween(before, after)).toEqual([
    { path: 'url', before: 'https://example.com', after: 'https://example.org' },
    { path: 'headers.cookie', after: 'x' },
    { path: 'tags[1]', after: 'c' },
    { path: 'tags[1]', before: 'b' },
    { path: 'old', before: '1' },
  ]);
});

test('a value that is replaced as a whole, and equal values', () => {
  expect(changesBetween('a', { b: 1 })).toEqual([{ path: '(all)', before: 'a', after: '{"b":1}' }]);
  expect(changesBetween({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] })).toEqual([]);
  expect(isEqual({ a: 1 }, { a: 1 })).toBe(true);
  expect(isEqual({ a: 1 }, { a: 2 })).toBe(false);
});

test('long texts are shown whole', () => {
  const [before, after] = ['a'.repeat(500), `${'a'.repeat(499)}b`];
  expect(changesBetween({ text: before }, { text: after })).toEqual([{ path: 'text', before, after }]);
});
