import { describe, expect, test } from 'vitest';
import type { Json } from '../../../src/domain/events.ts';
import { canonicalJson, canonicalValue } from '../../../src/journal/canonical-json.ts';

const textOf = (value: Json) => canonicalJson(value).text;

test('keys are sorted at every level by UTF-16 code units, and lists keep their order', () => {
  expect(textOf({ b: [{ d: 1, c: 2 }, 3], a: null, B: true, 10: 'x', 9: 'y' })).toBe(
    '{"10":"x","9":"y","B":true,"a":null,"b":[{"c":2,"d":1},3]}',
  );
  expect(textOf({ '\ue000': 1, '😀': 2, é: 3 })).toBe('{"é":3,"😀":2,"\ue000":1}');
});

test.each<[Json, string]>([
  [null, 'null'],
  [true, 'true'],
  [0.1, '0.1'],
  [1e21, '1e+21'],
  ['', '""'],
  [[], '[]'],
  [{}, '{}'],
  [[[], {}], '[[],{}]'],
  ['"\\\n\u2028', '"\\"\\\\\\n\u2028"'],
])('%j has the text of JSON.stringify', (value, text) => {
  expect(canonicalJson(value)).toEqual({ text, value });
});

test('storable values are returned without a copy', () => {
  const value = { text: 'héllo 😀', list: [1] };
  expect(canonicalJson(value).value).toBe(value);
});

describe('content that Postgres refuses', () => {
  test.each<[string, Json, Json]>([
    ['NUL', 'a\0b\0', 'a\ufffdb\ufffd'],
    ['a lone high surrogate', ['\ud83d x'], ['\ufffd x']],
    ['a lone low surrogate', ['\ude00'], ['\ufffd']],
    ['both in a key', { 'k\0\ud800': { deep: '\0' } }, { 'k\ufffd\ufffd': { deep: '\ufffd' } }],
  ])('%s is replaced in text and value', (_name, value, clean) => {
    expect(canonicalJson(value)).toEqual({ text: JSON.stringify(clean), value: clean });
  });

  test('surrogate pairs are kept', () => {
    expect(canonicalJson('\0😀')).toEqual({ text: '"\ufffd😀"', value: '\ufffd😀' });
  });

  test('text that only looks like an escape is kept', () => {
    const value = { text: '\\u0000 and \\ud800', other: '\0' };
    expect(canonicalJson(value).value).toEqual({ ...value, other: '\ufffd' });
  });

  test('a key __proto__, which would change the prototype of an object, is dropped', () => {
    const value: Json = JSON.parse('{"a":{"__proto__":{"admin":true},"b":1},"text":"__proto__"}');
    const clean = { a: { b: 1 }, text: '__proto__' };
    expect(canonicalJson(value)).toStrictEqual({ text: JSON.stringify(clean), value: clean });
  });
});

test('the canonical text of a parsed canonical text is the same', () => {
  const value = { z: ['\ud800', { y: 1, x: [{ b: '\0', a: 2 }] }], a: 'é' };
  const { text } = canonicalJson(value);
  expect(textOf(JSON.parse(text))).toBe(text);
});

test('the canonical value has sorted keys and storable texts, as a tape gives it back', () => {
  const value = canonicalValue({ b: [{ d: 'a\0', c: 1 }], a: null });
  expect(JSON.stringify(value)).toBe('{"a":null,"b":[{"c":1,"d":"a\uFFFD"}]}');
});
