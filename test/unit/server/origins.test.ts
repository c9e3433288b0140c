import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { createOrigins } from '../../../src/server/access/origins.ts';

const listed = 'https://app.example.com';
const request = (headers: IncomingMessage['headers'], method = 'POST') => ({ headers, method }) as IncomingMessage;

describe('B61: a request', () => {
  const notListed = 'is not allowed. To allow it, add it to "cors": {"origins": […]} in the configuration.';
  const withoutOrigin =
    'Cross-origin requests without an Origin header are not allowed. Call the API with fetch, from an origin in "cors": {"origins": […]}.';

  test.each([
    ['of a program', {}, null],
    ['of a page of the server', { origin: 'http://any.example:4000', host: 'any.example:4000' }, null],
    ['of a listed page', { origin: listed, host: 'any.example' }, null],
    ['that a browser sends by itself', { host: 'any.example', 'sec-fetch-site': 'none' }, null],
    ['of a page of the server without an origin', { host: 'any.example', 'sec-fetch-site': 'same-origin' }, null],
    ['of another site without an origin', { host: 'any.example', 'sec-fetch-site': 'cross-site' }, withoutOrigin],
    ['of the same site without an origin', { host: 'any.example', 'sec-fetch-site': 'same-site' }, withoutOrigin],
    [
      'of another page',
      { origin: 'https://evil.example', host: 'any.example' },
      `Origin "https://evil.example" ${notListed}`,
    ],
    [
      'of another port',
      { origin: 'http://any.example:81', host: 'any.example' },
      `Origin "http://any.example:81" ${notListed}`,
    ],
    ['of a sandboxed page', { origin: 'null', host: 'any.example' }, `Origin "null" ${notListed}`],
    [
      'of a listed host with another scheme',
      { origin: 'http://app.example.com', host: 'any.example' },
      `Origin "http://app.example.com" ${notListed}`,
    ],
  ] as const)('%s', (_name, headers, refusal) => {
    expect(createOrigins([listed], false).refusal(headers)).toBe(refusal);
  });
});

describe('B61: without authentication, the host', () => {
  const refusalOf = (headers: IncomingMessage['headers']) => createOrigins([listed], true).refusal(headers);

  test.each(['localhost', 'LOCALHOST:4000', '127.0.0.1:4000', '127.1.2.3', '[::1]:4000', '[::1]', 'app.example.com'])(
    '%s is accepted',
    (host) => {
      expect(refusalOf({ host })).toBeNull();
    },
  );

  test.each([
    ['evil.example:4000', 'http://127.0.0.1:4000.'],
    ['evil.example', 'http://127.0.0.1.'],
    ['localhost.evil.example', 'http://127.0.0.1.'],
    ['evil.localhost', 'http://127.0.0.1.'],
    ['127.0.0.1.evil.example:80', 'http://127.0.0.1:80.'],
    ['1127.0.0.1', 'http://127.0.0.1.'],
    ['127.0.0', 'http://127.0.0.1.'],
    ['localhost:', 'http://127.0.0.1.'],
    ['evil.example:80x', 'http://127.0.0.1.'],
  ])('%s is refused', (host, address) => {
    expect(refusalOf({ host })).toBe(
      `Host header "${host}" is not allowed: without authentication only loopback host names are accepted. Configure auth, or open ${address}`,
    );
  });

  test('must be there', () => {
    expect(refusalOf({})).toContain('Host header "" is not allowed');
  });
});

describe('the CORS headers', () => {
  const corsHeaders = (...given: Parameters<typeof request>) =>
    createOrigins([listed], false).corsHeaders(request(...given));
  const headers = {
    'access-control-allow-origin': listed,
    'access-control-expose-headers': 'retry-after, content-disposition, content-digest',
    'cross-origin-resource-policy': 'cross-origin',
  };

  test('are sent to pages of a listed origin only', () => {
    expect(corsHeaders({ origin: listed })).toEqual(headers);
    expect(corsHeaders({ origin: 'https://evil.example' })).toBeNull();
    expect(corsHeaders({})).toBeNull();
  });

  test('of a preflight name what may be sent', () => {
    expect(corsHeaders({ origin: listed }, 'OPTIONS')).toEqual({
      ...headers,
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': 'authorization, content-type, content-digest, accept, last-event-id, traceparent',
      'access-control-max-age': '600',
    });
  });
});
