import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { startTestGateway } from '../gateway.ts';

const mutation = JSON.stringify({
  query: 'mutation { sendMessage(input: {sessionKey: "x", text: "no"}) { __typename } }',
});
const viewerQuery = JSON.stringify({ query: '{ viewer { principal } }' });

/** By node:http, because fetch does not send these headers of browsers. */
function post(url: string, headers: Record<string, string>, body = viewerQuery, method = 'POST') {
  return new Promise<{ status: number; headers: Record<string, unknown> }>((resolve, reject) => {
    const sent = request(url, { method, headers }, (response) => {
      response.resume();
      response.once('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers }));
    });
    sent.once('error', reject).end(method === 'POST' ? body : undefined);
  });
}

const json = { 'content-type': 'application/json' };

describe('B61: a page of another site', () => {
  test('cannot run a mutation by a form, by fetch or by a link', async () => {
    const { url, gateway } = await startTestGateway();
    const types = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', ''];
    for (const type of types) {
      const headers: Record<string, string> = type === '' ? {} : { 'content-type': type };
      expect((await post(url, headers, mutation)).status).toBe(415);
    }
    for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:1', 'http://localhost.evil.example']) {
      expect((await post(url, { ...json, origin }, mutation)).status).toBe(403);
    }
    expect((await post(url, { ...json, 'sec-fetch-site': 'cross-site' }, mutation)).status).toBe(403);
    const link = `${url}?query=${encodeURIComponent('{ viewer { principal } }')}`;
    expect((await post(link, { 'sec-fetch-site': 'cross-site' }, '', 'GET')).status).toBe(403);
    expect(await gateway.parts.database.reader.run.count()).toBe(0);
  });

  test('cannot reach the server by a DNS name that resolves to it', async () => {
    const { url } = await startTestGateway();
    expect(
      (await post(url, { ...json, host: 'evil.example:4000', origin: 'http://evil.example:4000' }, mutation)).status,
    ).toBe(403);
    const { port } = new URL(url);
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`]) {
      expect((await post(url, { ...json, host, origin: `http://${host}` })).status).toBe(200);
    }
  });

  test('cannot open a WebSocket', async () => {
    const { url } = await startTestGateway({ file: { cors: { origins: ['https://app.example.com'] } } });
    const outcome = (origin?: string) =>
      new Promise<string>((resolve) => {
        const socket = new WebSocket(
          url.replace('http', 'ws'),
          'graphql-transport-ws',
          origin === undefined ? {} : { origin },
        );
        socket.once('error', ({ message }) => resolve(message));
        socket.once('open', () => {
          socket.terminate();
          resolve('open');
        });
      });
    expect(await outcome('https://evil.example')).toContain('403');
    for (const origin of [undefined, new URL(url).origin, 'https://app.example.com'])
      expect(await outcome(origin)).toBe('open');
  });
});

test('allowed origins get CORS headers', async () => {
  const origin = 'https://app.example.com';
  const { url } = await startTestGateway({ file: { cors: { origins: [origin] } } });
  const preflight = await post(
    url,
    { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,content-type' },
    '',
    'OPTIONS',
  );
  expect(preflight).toMatchObject({
    status: 204,
    headers: {
      'access-control-allow-origin': origin,
      'access-control-allow-headers': expect.stringContaining('authorization'),
    },
  });
  expect(await post(url, { ...json, origin })).toMatchObject({
    status: 200,
    headers: { 'access-control-allow-origin': origin, vary: expect.stringContaining('Origin') },
  });
  const withoutOrigin = await post(url, json);
  expect(withoutOrigin.headers['access-control-allow-origin']).toBeUndefined();
});

test('every response has the security headers', async () => {
  const { url } = await startTestGateway();
  for (const path of ['/graphql', '/livez', '/nothing']) {
    const { headers } = await fetch(new URL(path, url));
    expect(Object.fromEntries(headers)).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
    });
  }
});

test('the content security policy of the page allows its own scripts by their hashes, and no other page to frame it', async () => {
  const { url } = await startTestGateway();
  const page = await fetch(url, { headers: { accept: 'text/html' } });
  const scripts = [...(await page.text()).matchAll(/<script[^>]*>(.*?)<\/script>/gs)].map(([, script = '']) => script);
  const hashes = scripts.map((script) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`);
  expect(hashes.length).toBeGreaterThan(0);
  const directives = (page.headers.get('content-security-policy') ?? '').split(';').map((directive) => {
    const [name = '', ...sources] = directive.trim().split(' ');
    return [name, sources] as const;
  });
  expect(Object.fromEntries(directives)).toEqual({
    'default-src': ["'none'"],
    'script-src': [...hashes, 'blob:'],
    'worker-src': ['blob:'],
    'style-src': ["'unsafe-inline'"],
    'img-src': ["'self'", 'data:'],
    'font-src': ["'self'", 'data:'],
    // Only the host of the page itself.
    'connect-src': ["'self'", `ws://${new URL(url).host}`, `wss://${new URL(url).host}`],
    'base-uri': ["'none'"],
    'form-action': ["'none'"],
    'frame-ancestors': ["'none'"],
  });
  // A browser applies the first of two directives with the same name.
  expect(new Set(directives.map(([name]) => name)).size).toBe(directives.length);
});
