import { describe, expect, test } from 'vitest';
import { type FetchRequest, redirectedRequest } from '../../../src/tools/http-fetch.ts';

function fetchRequest(url: string, options: { method?: string; body?: string | null } = {}): FetchRequest {
  const { method = 'GET', body = null } = options;
  return { url: new URL(url), method, headers: new Headers({ 'content-type': 'text/plain' }), body };
}

describe('the request after a redirect', () => {
  test.each([
    [301, 'POST', 'GET'],
    [302, 'POST', 'GET'],
    [303, 'POST', 'GET'],
    [303, 'DELETE', 'GET'],
    [303, 'HEAD', 'HEAD'],
    [301, 'HEAD', 'HEAD'],
    [302, 'PUT', 'PUT'],
    [307, 'POST', 'POST'],
    [308, 'POST', 'POST'],
  ])('with status %i, %s becomes %s', (status, method, expected) => {
    const body = method === 'HEAD' ? null : 'x';
    const next = redirectedRequest(fetchRequest('http://a.example/', { method, body }), status, '/b');
    const isUnchanged = method === expected;
    expect(next).toMatchObject({ method: expected, body: isUnchanged ? body : null });
    expect(next?.headers.has('content-type')).toBe(isUnchanged);
  });

  test.each([
    [301, 'PUT'],
    [302, 'PATCH'],
    [307, 'POST'],
    [308, 'POST'],
  ])('B62: with status %i to another origin, the body of a %s is not sent there', (status, method) => {
    const withBody = fetchRequest('https://a.example/', { method, body: 'x' });
    expect(() => redirectedRequest(withBody, status, 'https://b.example/c')).toThrow(
      'another origin, https://b.example, which does not get its body. To send it there, call with that URL.',
    );
    expect(redirectedRequest(withBody, status, 'https://a.example/c')).toMatchObject({ method, body: 'x' });
    const withoutBody = fetchRequest('https://a.example/', { method: 'DELETE' });
    expect(redirectedRequest(withoutBody, status, 'https://b.example/c')).toMatchObject({ method: 'DELETE' });
  });

  test.each([200, 300, 304, 404])('does not exist with status %i', (status) => {
    expect(redirectedRequest(fetchRequest('http://a.example/'), status, '/b')).toBeNull();
  });

  test('B62: can change from http to https, but not from https to http', () => {
    expect(redirectedRequest(fetchRequest('http://a.example/'), 302, 'https://a.example/')).toMatchObject({
      method: 'GET',
    });
    expect(() => redirectedRequest(fetchRequest('https://a.example/'), 302, 'http://a.example/')).toThrow(
      'from https to http',
    );
  });

  test('must have a valid URL', () => {
    expect(() => redirectedRequest(fetchRequest('http://a.example/'), 302, 'http://[')).toThrow('not valid');
  });
});
