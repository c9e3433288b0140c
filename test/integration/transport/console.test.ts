import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startTestGateway } from '../gateway.ts';

const browserHeaders = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
const listed = 'query Listed{viewer{principal}}';

/** What the build of the console consists of. */
async function createBuild(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'runtape-console-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, 'assets'));
  await writeFile(join(folder, 'index.html'), '<!doctype html><title>Runtape</title>');
  await writeFile(join(folder, 'assets/index-AbC123.js'), 'const a = 1;'.repeat(50));
  await writeFile(join(folder, 'documents.json'), JSON.stringify({ id: listed }));
  return folder;
}

test('every address that a browser opens gets the page, with a strict content security policy', async () => {
  const { url } = await startTestGateway({ consoleFolder: await createBuild() });
  for (const path of ['/', '/waiting', '/runs/run_1?seq=3', '/sessions/a.b']) {
    const response = await fetch(new URL(path, url), { headers: browserHeaders });
    expect([path, response.status]).toEqual([path, 200]);
    expect(await response.text()).toContain('<title>Runtape</title>');
    expect(response.headers.get('cache-control')).toBe('no-cache');
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'; script-src 'self';");
    expect(policy).not.toMatch(/unsafe-eval|script-src[^;]*unsafe-inline/);
    expect(response.headers.get('x-frame-options')).toBe('DENY');
  }
  const page = await fetch(url, { headers: browserHeaders });
  expect(await page.text()).toContain('graphiql');
});

test('assets are cached for good, because their names have a hash, and are compressed', async () => {
  const { url } = await startTestGateway({ consoleFolder: await createBuild() });
  const asset = new URL('/assets/index-AbC123.js', url);
  const response = await fetch(asset);
  expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  expect(response.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
  expect(response.headers.get('content-encoding')).toBe('gzip');
  expect(await response.text()).toBe('const a = 1;'.repeat(50));
  const plain = await fetch(asset, { headers: { 'accept-encoding': 'identity' } });
  expect(plain.headers.get('content-encoding')).toBeNull();
  const head = await fetch(asset, { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
});

test('nothing outside the build is served', async () => {
  const { url } = await startTestGateway({ consoleFolder: await createBuild() });
  for (const path of [
    '/assets/no.js',
    '/assets/..%2fdocuments.json',
    '/assets/%2e%2e/documents.json',
    '/documents.json',
    '/manifest.json',
  ]) {
    const response = await fetch(new URL(path, url));
    expect([path, response.status]).toEqual([path, 404]);
  }
  const posted = await fetch(new URL('/waiting', url), { method: 'POST', headers: browserHeaders });
  expect(posted.status).toBe(404);
});

test('without a build, and with "console": false, the root redirects to GraphQL', async () => {
  for (const options of [
    { consoleFolder: join(tmpdir(), 'runtape-no-such-build') },
    { consoleFolder: undefined, file: { console: false } },
  ]) {
    const { url } = await startTestGateway(options);
    const root = await fetch(new URL('/', url), { headers: browserHeaders, redirect: 'manual' });
    expect([root.status, root.headers.get('location')]).toEqual([302, '/graphql']);
  }
});

test('where clients are restricted to a list, the documents of the console are executed as well', async () => {
  const folder = await createBuild();
  const list = join(folder, 'list.json');
  await writeFile(list, '{}');
  const { client } = await startTestGateway({ consoleFolder: folder, file: { documents: list } });
  expect((await client.post({ query: listed })).body.data).toEqual({ viewer: { principal: 'ada' } });
  const other = await client.post({ query: '{ viewer { scopes } }' });
  expect(other.body.errors?.[0]?.message).toContain('executes only the documents in its list');
});
