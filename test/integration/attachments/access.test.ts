import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { bearing, startGuarded, tokens } from '../access/accounts.ts';
import { errorOf, png, post } from './uploads.ts';

async function start(file: Record<string, unknown> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'runtape-attachments-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return startGuarded({ attachments: { folder }, ...file });
}

test('uploads and downloads need a valid token with the scope', async () => {
  const gateway = await start();
  const as = (token: string) => ({ headers: bearing(token) });
  const anonymous = await post(gateway, png());
  expect(anonymous.headers.get('www-authenticate')).toBe('Bearer');
  expect(await errorOf(anonymous)).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
  expect(await errorOf(await post(gateway, png(), as('wrong')))).toMatchObject({ status: 401 });
  expect(await errorOf(await post(gateway, png(), as(tokens.adaReads)))).toMatchObject({
    status: 403,
    code: 'FORBIDDEN',
    message: expect.stringContaining('"write"'),
  });
  const uploaded = await post(gateway, png(), as(tokens.adaWrites));
  expect(uploaded.status).toBe(201);
  const address = new URL(uploaded.headers.get('location') ?? '', gateway.url);
  const statusFor = async (token: string) => (await fetch(address, { headers: bearing(token) })).status;
  expect(await statusFor(tokens.adaReads)).toBe(200);
  expect(await statusFor(tokens.adaWrites)).toBe(403);
  expect(await statusFor(tokens.bob)).toBe(404);
  expect(await statusFor('wrong')).toBe(401);
});

test('uploads cost points by their length, before they are read', async () => {
  const gateway = await start({ traffic: { pointsPerMinute: 20 } });
  const options = { headers: bearing(tokens.ada) };
  const large = Buffer.concat([png(), Buffer.alloc(8 * 256 * 1024)]);
  expect((await post(gateway, large, options)).status).toBe(201);
  const refused = await post(gateway, large, options);
  expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
  expect(await errorOf(refused)).toMatchObject({ status: 429, code: 'RATE_LIMITED' });
});

test('a page of a listed origin may upload, with a digest', async () => {
  const origin = 'https://app.example';
  const gateway = await start({ cors: { origins: [origin] } });
  const preflight = await fetch(new URL('/attachments', gateway.url), { method: 'OPTIONS', headers: { origin } });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get('access-control-allow-headers')).toContain('content-digest');
  const response = await post(gateway, png(), { headers: { origin, ...bearing(tokens.ada) } });
  expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([201, origin]);
});
