import { describe, expect, test } from 'vitest';
import { POLICY_INPUT_LEVELS } from '../../../src/config/limits.ts';
import { cedarRequest, cedarValue, pathOf, urlOf } from '../../../src/policy/cedar-request.ts';
import { policyRequest } from './policy-request.ts';

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
    expect(cedarValue([[{ a: { b: 1 } }]], 3)).toEqual([[{ a: { json: '{"b":1}' } }]]);
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
    [
      'https://ada:[masked password #0123456789ab]@a.example/x/[masked api key #0123456789ab]/../b?c=d',
      { scheme: 'https', host: 'a.example', port: 443, path: '/x/b', query: 'c=d' },
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

describe('the request to Cedar', () => {
  const input = { url: 'https://a.example/x', path: 'notes/../a' };
  const sessionMetadata = { env: 'test' };
  const request = policyRequest({ input, agent: 'clerk', scopes: ['read'], source: 'tickets', sessionMetadata });

  test('has principal, tool, agent, session, input, URL and path', () => {
    expect(cedarRequest(request)).toEqual({
      principal: { type: 'Principal', id: 'ada' },
      resource: { type: 'Tool', id: 'http_fetch' },
      context: {
        agent: { __entity: { type: 'Agent', id: 'agt_1' } },
        session: { __entity: { type: 'Session', id: 'ses_1' } },
        message: { metadata: { __entity: { type: 'Metadata', id: 'message' } } },
        input,
        url: { scheme: 'https', host: 'a.example', port: 443, path: '/x', query: '' },
        path: 'a',
      },
      entities: [
        { uid: { type: 'Principal', id: 'ada' }, attrs: { scopes: ['read'] }, parents: [] },
        { uid: { type: 'Agent', id: 'agt_1' }, attrs: { name: 'clerk' }, parents: [] },
        {
          uid: { type: 'Session', id: 'ses_1' },
          attrs: { key: 'desk', metadata: { __entity: { type: 'Metadata', id: 'session' } } },
          parents: [],
        },
        { uid: { type: 'Metadata', id: 'session' }, attrs: {}, tags: { env: 'test' }, parents: [] },
        {
          uid: { type: 'Tool', id: 'http_fetch' },
          attrs: { name: 'http_fetch', risk: 'HIGH', source: 'tickets', idempotent: false },
          parents: [{ type: 'Agent', id: 'agt_1' }],
        },
      ],
    });
  });

  test('lacks URL and path if the input has none, and the agent if the tool is not one of its tools', () => {
    const { context, entities } = cedarRequest(policyRequest({ input: {}, tools: [] }));
    expect(context).toEqual({
      agent: { __entity: { type: 'Agent', id: 'default' } },
      session: { __entity: { type: 'Session', id: 'ses_1' } },
      message: { metadata: { __entity: { type: 'Metadata', id: 'message' } } },
      input: {},
    });
    expect(entities.at(-1)).toMatchObject({ parents: [] });
  });

  test('replaces what Cedar would read as an entity, an extension or an expression', () => {
    for (const name of ['__entity', '__extn', '__expr']) {
      expect(cedarValue({ [name]: 1, a: 2 })).toEqual({ json: JSON.stringify({ [name]: 1, a: 2 }) });
    }
  });

  test('has text without lone surrogates, in names, values, URL and path', () => {
    expect(cedarValue({ 'a\ud800': 'b\ud800' })).toEqual({ 'a\ufffd': 'b\ufffd' });
    expect(pathOf({ path: 'a\ud800' })).toBe('a\ufffd');
  });

  test('has as many levels of the input as Cedar reads', () => {
    const nested = (levels: number): unknown => (levels === 0 ? {} : { a: nested(levels - 1) });
    expect(JSON.stringify(cedarValue(JSON.parse(JSON.stringify(nested(POLICY_INPUT_LEVELS - 1)))))).not.toContain(
      'json',
    );
    expect(JSON.stringify(cedarValue(JSON.parse(JSON.stringify(nested(POLICY_INPUT_LEVELS)))))).toContain('json');
  });
});

test.each([
  ['ftp://a.example/x', 0],
  ['http://a.example/x', 80],
  ['https://a.example:444/x', 444],
])('the port of %s is %i', (url, port) => {
  expect(urlOf({ url })).toMatchObject({ port, path: '/x' });
});

test('the host of a URL has no dots at its end, also if there are several', () => {
  expect(urlOf({ url: 'foo://A.Example../x' })).toMatchObject({ host: 'a.example' });
  expect(urlOf({ url: 'https://a.b.example/' })).toMatchObject({ host: 'a.b.example' });
});

test('members that the input inherits do not count', () => {
  expect(urlOf(JSON.parse('{"__proto__": {"url": "https://a.example"}}'))).toBeNull();
  expect(pathOf(Object.create({ path: 'a' }))).toBeNull();
  expect(pathOf(Object.assign(['x'], { path: 'a' }) as never)).toBeNull();
  expect(pathOf('path')).toBeNull();
  expect(pathOf(null)).toBeNull();
});
