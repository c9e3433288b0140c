import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { converse, decideNextApproval, follow, runById, send } from '../integration/conversation.ts';
import { until } from '../integration/gateway.ts';
import { serverFolder, withClient } from './fixtures.ts';

const allowCalls = '@id("own") permit (principal, action == Action::"call", resource);\n';
const forbidFetch =
  '@id("no-fetching") forbid (principal, action == Action::"call", resource == Tool::"http_fetch");\n';
const fetchMessage = '/call http_fetch {"url":"https://example.com"}\n/then\n/echo';

test('SIGHUP reloads the policy without affecting runs; a broken file is logged and the old policy stays', async () => {
  const { folder, start } = await serverFolder({ policyFile: 'house.cedar' });
  const write = (text: string) => writeFile(join(folder, 'house.cedar'), text);
  await write(allowCalls);
  const server = await start();
  await withClient(server, async (client) => {
    const waiting = await send(client, {
      sessionKey: 'waiting',
      text: '/call memory_save {"text":"tea"}\n/then\n/echo',
    });
    await until(async () => (await runById(client, waiting.run.id)).state === 'AWAITING_APPROVAL');
    const streaming = await send(client, { sessionKey: 'streaming', text: '/pace 20\n/words 60' });
    await follow(client, streaming.run.id, { isLast: ({ type }) => type === 'OUTPUT_DELTA' });
    await write(`${allowCalls}permit (principal);`);
    process.kill(server.processId, 'SIGHUP');
    await server.untilPrinted('"event":"configuration-kept"');
    expect(server.output()).toContain('house.cedar:2:');
    const approvalRun = await send(client, { sessionKey: 'approval', text: fetchMessage });
    await until(async () => (await runById(client, approvalRun.run.id)).state === 'AWAITING_APPROVAL');
    await write(`${allowCalls}${forbidFetch}`);
    process.kill(server.processId, 'SIGHUP');
    await server.untilPrinted('"event":"configuration-reloaded"');
    const denied = await converse(client, { sessionKey: 'denied', text: fetchMessage });
    expect(denied.run.output).toContain('Forbidden by no-fetching.');
    await decideNextApproval(client, waiting.run.id, 'ALLOW');
    await follow(client, waiting.run.id);
    expect((await runById(client, waiting.run.id)).state).toBe('DONE');
    await follow(client, streaming.run.id);
    expect(await runById(client, streaming.run.id)).toMatchObject({ state: 'DONE', resumptions: 0 });
  });
  expect(await server.stop('SIGTERM')).toBe(0);
});
