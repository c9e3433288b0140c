import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { metadataChangeField, metadataField, parseMetadata, tooManyKeys } from '../../../src/application/metadata.ts';
import { parseInput } from '../../../src/application/parse-input.ts';
import type { Json } from '../../../src/domain/events.ts';
import { changeMetadata, metadataDigests, readMetadata, storedMetadata } from '../../../src/domain/metadata.ts';

const issuesOf = (field: typeof metadataField | typeof metadataChangeField, metadata: Json) => {
  const parsed = parseInput(z.object({ metadata: field }), { metadata });
  return parsed.kind === 'parsed' ? [] : parsed.issues.map(({ path, message }) => [path.join('/'), message]);
};

const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']));

describe('metadata', () => {
  test('has up to 16 keys of 64 and values of 512 code points', () => {
    const largest = Object.fromEntries(
      Array.from({ length: 16 }, (_, index) => [
        `${String(index).padStart(2, '0')}${'😀'.repeat(62)}`,
        '😀'.repeat(512),
      ]),
    );
    expect(issuesOf(metadataField, largest)).toEqual([]);
    expect(issuesOf(metadataField, {})).toEqual([]);
    expect(parseMetadata(largest)).toEqual({ kind: 'parsed', input: { metadata: largest } });
    expect(parseMetadata(undefined)).toEqual({ kind: 'parsed', input: { metadata: null } });
  });

  const refused: [string, Json, string, string][] = [
    ['a text', 'x', 'metadata', 'must be an object whose values are strings, not a string'],
    ['a list', [], 'metadata', 'must be an object whose values are strings, not an array'],
    ['too many keys', keys(17), 'metadata', 'has 17 keys, but at most 16 are allowed'],
    ['an empty key', { '': 'v' }, 'metadata/', 'the key must not be empty'],
    [
      'a long key',
      { ['k'.repeat(65)]: 'v' },
      `metadata/${'k'.repeat(65)}`,
      'the key has 65 characters, but at most 64 are allowed',
    ],
    ['a number', { a: 1 }, 'metadata/a', 'must be a string, not a number'],
    ['null', { a: null }, 'metadata/a', 'must be a string, not null'],
    ['an object', { a: {} }, 'metadata/a', 'must be a string, not an object'],
    ['a long value', { a: 'v'.repeat(513) }, 'metadata/a', 'has 513 characters, but at most 512 are allowed'],
    ['NUL in a value', { a: 'b\0' }, 'metadata/a', 'must not contain the character U+0000'],
    ['NUL in a key', { 'a\0': 'b' }, 'metadata/a\0', 'the key must not contain the character U+0000'],
    ['half a surrogate pair', { a: '\ud800' }, 'metadata/a', 'must not contain half of a surrogate pair'],
    [
      'the name of the prototype',
      JSON.parse('{"__proto__": "x"}'),
      'metadata/__proto__',
      'the key `__proto__` is not allowed',
    ],
  ];
  test.each(refused)('refuses %s', (_what, metadata, path, message) => {
    expect(issuesOf(metadataField, metadata)).toEqual([[path, message]]);
  });

  test('reports the problem of every key', () => {
    expect(issuesOf(metadataField, { a: 1, b: 'ok', c: true }).map(([path]) => path)).toEqual([
      'metadata/a',
      'metadata/c',
    ]);
  });

  test('of a change can have null, which deletes the key', () => {
    expect(issuesOf(metadataChangeField, { a: null, b: 'x' })).toEqual([]);
    expect(issuesOf(metadataChangeField, { a: 1 })).toEqual([['metadata/a', 'must be a string or null, not a number']]);
    expect(changeMetadata({ a: '1', b: '2' }, { a: null, b: '3', c: '4' })).toEqual({ b: '3', c: '4' });
  });

  test('that has too many keys after a change is refused', () => {
    expect(tooManyKeys(keys(16))).toBeNull();
    expect(tooManyKeys(keys(17))).toMatchObject({ kind: 'invalid-input', issues: [{ path: ['metadata'] }] });
  });
});

describe('stored metadata', () => {
  test('is the same text in any order of the keys, and null if there is none', () => {
    expect(storedMetadata({ b: '2', a: '1' })).toBe(storedMetadata({ a: '1', b: '2' }));
    expect(storedMetadata({})).toBeNull();
    expect(readMetadata(null)).toEqual({});
    expect(readMetadata(storedMetadata({ constructor: 'x', 1: 'y' }))).toEqual({ constructor: 'x', 1: 'y' });
  });

  test('has one digest for each key with its value', () => {
    const [first, second] = metadataDigests({ a: 'b,c', 'a,b': 'c' });
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(first).not.toBe(second);
    expect(metadataDigests({ a: 'b,c' })).toEqual([first]);
  });
});

test('a refusal repeats neither thousands of problems nor a long key', () => {
  const many = Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`${'k'.repeat(100_000)}${index}`, 1]));
  const parsed = parseInput(z.object({ metadata: metadataField, list: z.array(z.string()) }), {
    metadata: many,
    list: Array(5000).fill(1),
  });
  expect(parsed.kind === 'invalid-input' && parsed.issues.length).toBe(20);
  expect(JSON.stringify(parsed).length).toBeLessThan(10_000);
});
