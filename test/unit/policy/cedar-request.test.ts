import { describe, expect, test } from 'vitest';
import { cedarValue, pathOf, urlOf } from '../../../src/policy/cedar-request.ts';

describe('JSON as a Cedar value', () => {
  test.each([
    ['text', 'a', 'a'],
    ['a boolean', false, false],
    ['a whole number', -7, -7],
    ['an array', [1, 'a', [2]], [1, 'a', [2]]],
    ['an object', { a: { b: 1 } }, { a: { b: 1 } }],
    ['null', null, { json: 'null' }],
    ['a fraction', 1.5, { json: '1.5' }],
    ['a number that JSON readers disagree about', 2 ** 53, { json: '9007199254740992' }],
    ['an entity', { __entity: { type: 'Tool', id: 'x' } }, { json: '{"__entity":{"type":"Tool","id":"x"}}' }],
    ['an extension value', [{ __extn: 1 }], [{ json: '{"__extn":1}' }]],
  ])('%s', (_what, value, expected) => {
    expect(cedarValue(value)).toEqual(expected);
  });

  test('a value that is too deep becomes its JSON text', () => {
    expect(cedarValue({ a: { b: { c: 1 } } }, 2)).toEqual({ a: { b: { json: '{"c":1}' } } });
    expect(cedarValue([[['x']]], 3)).toEqual([[['x']]]);
  });
});

describe('the URL of an input', () => {
  test.each([
    [
      'https://Docs.Example.com./a?b=c#d',
      { scheme: 'https', host: 'docs.example.com', port: 443, path: '/a', query: 'b=c' },
    ],
    ['http://docs.example.com@evil.example', { scheme: 'http', host: 'evil.example', port: 80, path: '/', query: '' }],
    ['http://0x7f.1:8080/', { scheme: 'http', host: '127.0.0.1', port: 8080, path: '/', query: '' }],
    ['mailto:a@example.com', { scheme: 'mailto', host: '', port: 0, path: '/a@example.com', query: '' }],
    [
      'https:\\\\docs.example.com\\a/../b',
      { scheme: 'https', host: 'docs.example.com', port: 443, path: '/b', query: '' },
    ],
  ])('%s', (url, expected) => {
    expect(urlOf({ url })).toEqual(expected);
  });

  test.each([
    [{ url: 'docs.example.com' }],
    [{ url: 3 }],
    [{ link: 'https://a.example' }],
    [['https://a.example']],
    [null],
  ])('is null for %j', (input) => expect(urlOf(input)).toBe(null));
});

describe('the path of an input', () => {
  test.each([
    ['notes/a', 'notes/a'],
    ['./notes//a/', 'notes/a'],
    ['notes/../a', 'a'],
    ['notes/../../a', '../a'],
    ['/etc/passwd', '/etc/passwd'],
    ['', '.'],
    ['/', '/'],
  ])('%s is %s', (path, expected) => {
    expect(pathOf({ path })).toBe(expected);
  });

  test('is null if it is not a string', () => {
    expect(pathOf({ path: ['a'] })).toBe(null);
    expect(pathOf({})).toBe(null);
  });

  test('is null if systems read it differently', () => {
    expect(pathOf({ path: 'x\\..\\notes/a' })).toBe(null);
    expect(pathOf({ path: 'notes/..\\a' })).toBe(null);
  });
});
