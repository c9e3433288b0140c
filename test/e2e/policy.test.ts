import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { answerNext, converse, follow, runById, send } from '../integration/conversation.ts';
import { until } from '../integration/gateway.ts';
import { withClient } from './conversation.ts';
import { createHome } from './server-process.ts';

const own = '@id("own") permit (principal, action == Action::"call", resource);\n';
const noFetching = '@id("no-fetching") forbid (principal, action == Action::"call", resource == Tool::"http_fetch");\n';
const fetching = '/call http_fetch {"url":"https://example.com"}\n/then\n/echo';

test('SIGHUP reads the policy again and drops no run; a broken file changes nothing and is logged', async () => {
  const { folder, start, ...home } = await createHome({ policyFile: 'house.cedar' });
  onTestFinished(() => home[Symbol.asyncDispose]());
  const write = (text: string) => writeFile(join(folder, 'house.cedar'), text);
  await write(own);
  const server = await start();
  await withClient(server, async (client) => {
    const waiting = await send(client, {
      sessionKey: 'waiting',
      text: '/call memory_save {"text":"tea"}\n/then\n/echo',
    });
    await until(async () => (await runById(client, waiting.run.id)).state === 'AWAITING_APPROVAL');
    const talking = await send(client, { sessionKey: 'talking', text: '/pace 20\n/words 60' });
    await follow(client, talking.run.id, { enough: ({ type }) => type === 'OUTPUT_DELTA' });
    await write(`${own}permit (principal);`);
    process.kill(server.processId, 'SIGHUP');
    await server.prints('"event":"policy-kept"');
    expect(server.output()).toContain('house.cedar:2:');
    const asked = await send(client, { sessionKey: 'asked', text: fetching });
    await until(async () => (await runById(client, asked.run.id)).state === 'AWAITING_APPROVAL');
    await write(`${own}${noFetching}`);
    process.kill(server.processId, 'SIGHUP');
    await server.prints('"event":"policy-reloaded"');
    const denied = await converse(client, { sessionKey: 'denied', text: fetching });
    expect(denied.run.output).toContain('Forbidden by no-fetching.');
    await answerNext(client, waiting.run.id, 'ALLOW');
    await follow(client, waiting.run.id);
    expect((await runById(client, waiting.run.id)).state).toBe('DONE');
    await follow(client, talking.run.id);
    expect(await runById(client, talking.run.id)).toMatchObject({ state: 'DONE', resumptions: 0 });
  });
  expect(await server.end('SIGTERM')).toBe(0);
});
