import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { startTestGateway } from '../gateway.ts';

const viewerQuery = '{ viewer { principal } }';
const jsonHeaders = { accept: 'application/json', 'content-type': 'application/json' };

test('answers queries by GET and by POST, in both media types', async () => {
  const { url } = await startTestGateway();
  const expected = { data: { viewer: { principal: 'ada' } } };
  const byGet = await fetch(`${url}?${new URLSearchParams({ query: viewerQuery })}`, { headers: jsonHeaders });
  expect(byGet.status).toBe(200);
  expect(await byGet.json()).toEqual(expected);
  const headers = { ...jsonHeaders, accept: 'application/graphql-response+json' };
  const byPost = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query: viewerQuery }) });
  expect(byPost.headers.get('content-type')).toContain('application/graphql-response+json');
  expect(await byPost.json()).toEqual(expected);
});

test('rejects a mutation by GET', async () => {
  const { url, gateway } = await startTestGateway();
  const query = 'mutation { sendMessage(input: { sessionKey: "get", text: "no" }) { __typename } }';
  const response = await fetch(`${url}?${new URLSearchParams({ query })}`, { headers: jsonHeaders });
  expect(response.status).toBe(405);
  expect(await gateway.parts.database.reader.session.count()).toBe(0);
});

test('answers the health checks, and says that it is not ready if the database fails', async () => {
  const { url, gateway } = await startTestGateway();
  const get = async (path: string) => {
    const response = await fetch(new URL(path, url));
    return [response.status, await response.text()];
  };
  expect(await get('/livez')).toEqual([200, 'ok\n']);
  expect(await get('/readyz')).toEqual([200, 'ok\n']);
  const { reader } = gateway.parts.database;
  const findFirst = reader.session.findFirst;
  Object.assign(reader.session, { findFirst: () => Promise.reject(new Error('the disk at /dev/sda1 is gone')) });
  expect(await get('/readyz')).toEqual([503, 'the database cannot be read\n']);
  Object.assign(reader.session, { findFirst });
});

test('redirects the root to GraphQL, and does not find other paths', async () => {
  const { url } = await startTestGateway();
  const root = await fetch(new URL('/', url), { redirect: 'manual' });
  expect([root.status, root.headers.get('location')]).toEqual([302, '/graphql']);
  for (const path of ['/nothing', '/graphql/', '/graphql/..%2f..%2fetc/passwd', '/favicon.ico']) {
    const response = await fetch(new URL(path, url));
    expect([path, response.status, await response.text()]).toEqual([path, 404, 'Not found. GraphQL is at /graphql.\n']);
  }
});

test('sends GraphiQL to browsers and GraphQL responses to other clients', async () => {
  const { url } = await startTestGateway();
  const browserHeaders = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' };
  const page = await fetch(url, { headers: browserHeaders });
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(await page.text()).toContain('<title>Runtape</title>');
  const client = await fetch(url, { headers: { accept: 'application/graphql-response+json' } });
  expect(client.status).toBe(400);
  expect(client.headers.get('content-type')).toContain('application/graphql-response+json');
  const link = await fetch(`${url}?${new URLSearchParams({ query: viewerQuery })}`, { headers: browserHeaders });
  expect(await link.json()).toEqual({ data: { viewer: { principal: 'ada' } } });
});

test('sends GraphiQL uncompressed to a client that does not accept gzip', async () => {
  const { url } = await startTestGateway();
  const sent = request(url, { headers: { accept: 'text/html' } }).end();
  const [response] = await new Promise<[NodeJS.ReadableStream & { headers: Record<string, unknown> }]>((resolve) =>
    sent.once('response', (incoming) => resolve([incoming as never])),
  );
  expect(response.headers['content-encoding']).toBeUndefined();
  expect(await text(response)).toContain('<title>Runtape</title>');
});

test.each([
  ['text/plain', 'Content type "text/plain" is not supported.'],
  ['', 'Content type "" is not supported.'],
])('names the content type "%s" that it rejects', async (type, message) => {
  const { url } = await startTestGateway();
  const headers: Record<string, string> = type === '' ? {} : { 'content-type': type };
  const response = await fetch(url, { method: 'POST', headers, body: new Uint8Array(1) });
  expect(response.status).toBe(415);
  expect(await response.text()).toContain(message);
});

test.each([
  [
    { host: 'example.com:4000' },
    'Host header "example.com:4000" is not allowed: without authentication only loopback host names are accepted. Configure auth, or open http://127.0.0.1:4000.',
  ],
  [
    { origin: 'https://example.com' },
    'Origin "https://example.com" is not allowed. To allow it, add it to "cors": {"origins": […]} in the configuration.',
  ],
  [{ 'sec-fetch-site': 'cross-site' }, 'Cross-origin requests without an Origin header are not allowed.'],
])('says why it rejects %o', async (headers, message) => {
  const { url } = await startTestGateway({ authenticate: undefined });
  const sent = request(url, { method: 'POST', headers: { ...jsonHeaders, ...headers } }).end('{}');
  const response = await new Promise<NodeJS.ReadableStream & { statusCode?: number }>((resolve) =>
    sent.once('response', resolve),
  );
  expect(response.statusCode).toBe(403);
  expect(await text(response)).toContain(message);
});
