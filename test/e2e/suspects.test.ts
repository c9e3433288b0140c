import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { sequence } from '../contract/appends.ts';
import { runById, send } from '../integration/conversation.ts';
import { until } from '../integration/gateway.ts';
import { serverFolder, withClient } from './fixtures.ts';

/** A model server that answers nobody until it is told to. */
async function slowModel() {
  const waiting = new Set<ServerResponse>();
  let isReleased = false;
  const chunk = (delta: object, finishReason: string | null) =>
    `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finishReason }] })}\n\n`;
  const answer = (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(`${chunk({ content: 'At last' }, null)}${chunk({}, 'stop')}data: [DONE]\n\n`);
  };
  const server = createServer((request, response) => {
    request.resume();
    if (isReleased) return answer(response);
    waiting.add(response);
    response.on('close', () => waiting.delete(response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    baseURL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    waiting: () => waiting.size,
    release() {
      isReleased = true;
      for (const response of waiting) answer(response);
    },
  };
}

const RUNS = 20;

test('B49: runs that wait for a slow model survive any number of crashes of their server', {
  timeout: 180_000,
}, async () => {
  const model = await slowModel();
  const { start } = await serverFolder({
    defaultModel: 'slow',
    models: { slow: { provider: 'openai-compatible', baseURL: model.baseURL, model: 'm' } },
  });
  const environment = { RUNTAPE_LEASE_SECONDS: '1' };
  const atWork = (runs: number) => until(async () => model.waiting() === runs, `${runs} model calls`);
  let server = await start(environment);
  const runIds = await withClient(server, async (client) => {
    const sent = sequence(RUNS).map((n) => send(client, { sessionKey: `patient ${n}`, text: 'Hello' }));
    return (await Promise.all(sent)).map(({ run }) => run.id);
  });
  const restart = async () => {
    await server.stop('SIGKILL');
    await atWork(0);
    server = await start(environment);
  };
  await atWork(RUNS);
  await restart();
  // The first resumption is that of all of them at the same time, the second one is that of one suspect after another.
  await atWork(RUNS);
  for (let kills = 0; kills < 3; kills += 1) {
    await restart();
    await atWork(1);
  }
  model.release();
  await withClient(server, async (client) => {
    const stateOf = async (id: string) => (await runById(client, id)).state;
    for (const id of runIds) await until(async () => (await stateOf(id)) !== 'IN_PROGRESS');
    expect(await Promise.all(runIds.map(stateOf))).toEqual(runIds.map(() => 'DONE'));
  });
  expect(await server.stop('SIGTERM')).toBe(0);
});
