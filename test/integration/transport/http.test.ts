import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { startTestGateway } from '../gateway.ts';

const question = '{ viewer { principal } }';
const asJson = { accept: 'application/json', 'content-type': 'application/json' };

test('queries are answered by GET and by POST, in both media types', async () => {
  const { url } = await startTestGateway();
  const expected = { data: { viewer: { principal: 'ada' } } };
  const byGet = await fetch(`${url}?${new URLSearchParams({ query: question })}`, { headers: asJson });
  expect(byGet.status).toBe(200);
  expect(await byGet.json()).toEqual(expected);
  const headers = { ...asJson, accept: 'application/graphql-response+json' };
  const byPost = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query: question }) });
  expect(byPost.headers.get('content-type')).toContain('application/graphql-response+json');
  expect(await byPost.json()).toEqual(expected);
});

test('a mutation by GET is refused', async () => {
  const { url, gateway } = await startTestGateway();
  const query = 'mutation { sendMessage(input: { sessionKey: "get", text: "no" }) { __typename } }';
  const response = await fetch(`${url}?${new URLSearchParams({ query })}`, { headers: asJson });
  expect(response.status).toBe(405);
  expect(await gateway.parts.database.reader.session.count()).toBe(0);
});

test('the health checks answer, and say when the server is going', async () => {
  const { url, gateway } = await startTestGateway();
  const answer = async (path: string) => {
    const response = await fetch(new URL(path, url));
    return [response.status, await response.text()];
  };
  expect(await answer('/livez')).toEqual([200, 'ok\n']);
  expect(await answer('/readyz')).toEqual([200, 'ok\n']);
  const { reader } = gateway.parts.database;
  const findFirst = reader.session.findFirst;
  Object.assign(reader.session, { findFirst: () => Promise.reject(new Error('the disk at /dev/sda1 is gone')) });
  expect(await answer('/readyz')).toEqual([503, 'the database can not be read\n']);
  Object.assign(reader.session, { findFirst });
});

test('the root leads to GraphQL, and everything else is not found', async () => {
  const { url } = await startTestGateway();
  const root = await fetch(new URL('/', url), { redirect: 'manual' });
  expect([root.status, root.headers.get('location')]).toEqual([302, '/graphql']);
  for (const path of ['/nothing', '/graphql/', '/graphql/..%2f..%2fetc/passwd', '/favicon.ico']) {
    const response = await fetch(new URL(path, url));
    expect([path, response.status, await response.text()]).toEqual([
      path,
      404,
      'Nothing here. GraphQL is at /graphql.\n',
    ]);
  }
});

test('browsers get the explorer, programs get GraphQL', async () => {
  const { url } = await startTestGateway();
  const browser = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' };
  const page = await fetch(url, { headers: browser });
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(await page.text()).toContain('<title>Runtape</title>');
  const program = await fetch(url, { headers: { accept: 'application/graphql-response+json' } });
  expect(program.status).toBe(400);
  expect(program.headers.get('content-type')).toContain('application/graphql-response+json');
  const link = await fetch(`${url}?${new URLSearchParams({ query: question })}`, { headers: browser });
  expect(await link.json()).toEqual({ data: { viewer: { principal: 'ada' } } });
});

test('the explorer comes uncompressed to those who can not unpack it', async () => {
  const { url } = await startTestGateway();
  const plain = request(url, { headers: { accept: 'text/html' } }).end();
  const [response] = await new Promise<[NodeJS.ReadableStream & { headers: Record<string, unknown> }]>((resolve) =>
    plain.once('response', (incoming) => resolve([incoming as never])),
  );
  expect(response.headers['content-encoding']).toBeUndefined();
  expect(await text(response)).toContain('<title>Runtape</title>');
});
