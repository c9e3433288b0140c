import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createTestClient } from '../client.ts';
import { entry } from '../integration/access/accounts.ts';
import { runById, send } from '../integration/conversation.ts';
import { until } from '../integration/gateway.ts';
import { collectRun, serverFolder } from './fixtures.ts';

test('B103: SIGHUP applies a valid file, keeps the old one when the new one is broken, and revokes a token', async () => {
  const tokens = [entry('kept', 'ada', ['read', 'write']), entry('revoked', 'ada', ['read', 'write'])];
  const { folder, start } = await serverFolder({ auth: { mode: 'tokens', tokens } });
  const write = (text: string) => writeFile(join(folder, 'runtape.config.json'), text);
  const server = await start();
  await using kept = createTestClient(server.url, { authorization: 'Bearer kept' });
  await using revoked = createTestClient(server.url, { authorization: 'Bearer revoked' });
  const viewer = async (client: typeof kept) => (await client.post({ query: '{ viewer { principal } }' })).status;

  const { run } = await send(kept, {
    sessionKey: 's',
    text: '/pace 20\n/words 200\n/call clock {}\n/then\n/say the end',
  });
  const [mine, theirs] = [collectRun(kept, run.id), collectRun(revoked, run.id)];
  await Promise.all([mine, theirs].map(({ until: received }) => received(({ type }) => type === 'OUTPUT_DELTA')));

  await write('{ "limits": { "maxStep": 1 }, "auth": { "mode": "tokens", "tokens": [] } }');
  process.kill(server.processId, 'SIGHUP');
  await server.untilPrinted('"event":"configuration-kept"');
  expect(server.output()).toContain('limits: unknown key \\"maxStep\\"');
  expect(await viewer(revoked)).toBe(200);
  expect((await fetch(new URL('/readyz', server.url))).status).toBe(200);

  const agents = [{ owner: 'ada', name: 'clerk', instructions: 'Be brief.' }];
  await write(JSON.stringify({ auth: { mode: 'tokens', tokens: tokens.slice(0, 1) }, agents, console: false }));
  process.kill(server.processId, 'SIGHUP');
  await server.untilPrinted('"event":"configuration-reloaded"');
  await server.untilPrinted('"needRestart":["console"]');
  expect(await theirs.ended).toMatchObject({ code: 4403 });
  expect(theirs.events.at(-1)?.type).not.toBe('STATUS');
  expect([await viewer(revoked), await viewer(kept)]).toEqual([401, 200]);
  await mine.ended;
  expect(mine.events.map(({ seq }) => seq)).toEqual(mine.events.map((_, index) => index + 1));
  await until(async () => (await runById(kept, run.id)).state === 'DONE');
  expect(await runById(kept, run.id)).toMatchObject({ resumptions: 0, output: expect.stringContaining('the end') });
  const { body } = await kept.post({ query: '{ agents { nodes { name isConfigured } } }' });
  expect(body.data).toEqual({ agents: { nodes: [{ name: 'clerk', isConfigured: true }] } });
  expect(await server.stop('SIGTERM')).toBe(0);
});

test('without a configuration file, SIGHUP ends the server', async () => {
  const { folder, start } = await serverFolder();
  await rm(join(folder, 'runtape.config.json'));
  const server = await start();
  expect(await server.stop('SIGHUP')).toBe('SIGHUP');
});
