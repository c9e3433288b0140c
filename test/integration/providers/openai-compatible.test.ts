import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getDefaultConfig } from '@dwmkerr/mock-llm/dist/config.js';
import { createServer } from '@dwmkerr/mock-llm/dist/server.js';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { CancelRunDocument } from '../../generated/graphql.ts';
import { converse, decideNextApproval, follow, runById, send, typesOf } from '../conversation.ts';
import { countedTool } from '../counted-tool.ts';
import { startTestGateway } from '../gateway.ts';
import { createStoppableClock } from '../stoppable-clock.ts';
import { sendEvents, sendJson, startProvider, stopChunk, textChunk, usageChunk } from './fake-provider.ts';

const configurationFor = (baseURL: string) => ({
  defaultModel: 'local',
  models: { local: { provider: 'openai-compatible', baseURL, model: 'any' } },
});

describe('an OpenAI-compatible provider from the configuration', () => {
  test('streams its response onto the tape', async () => {
    const { client } = await startTestGateway({ file: configurationFor(await startMockLlm()) });
    const { run, events } = await converse(client, { sessionKey: 'mock', text: 'Hello there' });
    expect(run).toMatchObject({ state: 'DONE', output: 'Hello there', model: 'local', usage: { estimated: true } });
    const deltas = events.flatMap((event) => (event.__typename === 'OutputDeltaEvent' ? [event.text] : []));
    expect(deltas.join('')).toBe('Hello there');
  });

  test('gets the results of several tools, one of them after an approval, in the order of its calls', async () => {
    const provider = await startProvider((response, { body }) => {
      const { messages } = JSON.parse(body) as { messages: { role: string }[] };
      if (messages.some(({ role }) => role === 'tool')) sendEvents(response, textChunk('Both done.'), stopChunk());
      else
        sendEvents(response, { choices: [{ delta: { tool_calls: twoCalls } }] }, stopChunk('tool_calls'), usageChunk);
      sendEvents(response, '[DONE]');
      response.end();
    });
    const tools = [countedTool({ name: 'low' }), countedTool({ name: 'high', risk: 'HIGH' })];
    const { client } = await startTestGateway({ file: configurationFor(provider.baseURL), tools });
    const { run } = await send(client, { sessionKey: 'tools', text: 'Use both.' });
    await decideNextApproval(client, run.id, 'ALLOW');
    await follow(client, run.id);
    expect(await runById(client, run.id)).toMatchObject({ state: 'DONE', output: 'Both done.', steps: 2 });
    const { messages } = JSON.parse(provider.requests[1]?.body ?? '{}');
    const callIds = messages.at(-3).tool_calls.map(({ id }: { id: string }) => id);
    expect(messages.slice(-2).map((message: { tool_call_id: string }) => message.tool_call_id)).toEqual(callIds);
    expect(messages.slice(-2).map(({ content }: { content: string }) => content)).toEqual(['counted h', 'counted l']);
  });

  test('that thinks without end is stopped at the limit of an answer, and the thoughts are counted as output', async () => {
    const thought = { choices: [{ index: 0, delta: { reasoning_content: 'hm '.repeat(10_000) } }] };
    const provider = await startProvider((response) => {
      sendEvents(response, thought);
      const more = () =>
        response.destroyed || response.write(`data: ${JSON.stringify(thought)}\n\n`, () => void more());
      more();
    });
    const { client } = await startTestGateway({ file: configurationFor(provider.baseURL) });
    const { run, events } = await converse(client, { sessionKey: 'endless', text: 'Think.' });
    const thoughts = events.flatMap((event) => (event.__typename === 'ThoughtEvent' ? [event.text] : []));
    expect(thoughts.join('')).toHaveLength(1024 * 1024);
    expect(run).toMatchObject({ state: 'DONE', output: '', finishReason: 'gateway-limit', usage: { estimated: true } });
    expect(run.usage.outputTokens).toBe((1024 * 1024) / 4);
    await provider.requests[0]?.closed;
  });

  test('B46: has its request stopped when the run is cancelled, without waiting for a timer', async () => {
    const provider = await startProvider((response) => sendEvents(response, textChunk('Once upon a time')));
    const clock = createStoppableClock();
    const { client } = await startTestGateway({ file: configurationFor(provider.baseURL), clock });
    const { run } = await send(client, { sessionKey: 'stop', text: 'Tell me a story.' });
    await follow(client, run.id, { isLast: ({ type }) => type === 'OUTPUT_DELTA' });
    const [request] = provider.requests;
    if (!request) throw new Error('The provider received no request.');
    await clock.withoutTimers(async () => {
      await client.send(CancelRunDocument, { input: { runId: run.id } });
      await request.closed;
    });
    const events = await follow(client, run.id);
    expect(typesOf(events).at(-1)).toBe('STATUS');
    expect(typesOf(events)).not.toContain('OUTPUT');
  });

  test('B19: is called again after a rate limit, and after a lost connection before the first word', async () => {
    let requests = 0;
    const provider = await startProvider((response) => {
      requests += 1;
      if (requests === 1) response.writeHead(429, { 'retry-after': '0' }).end('{"error":{"message":"slow down"}}');
      else if (requests === 2) response.destroy();
      else {
        sendEvents(response, textChunk('Here I am.'), stopChunk(), '[DONE]');
        response.end();
      }
    });
    const { client } = await startTestGateway({ file: configurationFor(provider.baseURL) });
    const { run } = await converse(client, { sessionKey: 'again', text: 'Are you there?' });
    expect(run).toMatchObject({ state: 'DONE', output: 'Here I am.' });
    expect(requests).toBe(3);
  });

  test('B19: that rejects the key fails the run with MODEL_AUTH at once, with one terminal event', async () => {
    const provider = await startProvider((response) => response.writeHead(401).end('{"error":{"message":"bad key"}}'));
    const { client } = await startTestGateway({ file: configurationFor(provider.baseURL) });
    const { run, events } = await converse(client, { sessionKey: 'key', text: 'Hello' });
    expect(run).toMatchObject({ state: 'FAILED', error: { code: 'MODEL_AUTH', retryable: false } });
    expect(provider.requests).toHaveLength(1);
    expect(typesOf(events).filter((type) => type === 'STATUS')).toHaveLength(3);
  });

  test('that repeats its key in an error fails the run with a message without the key', async () => {
    const key = 'local-key-of-the-gateway';
    const provider = await startProvider((response, { headers }) =>
      sendJson(response, 404, { error: { message: `No such model for ${headers.authorization}` } }),
    );
    const { defaultModel, models } = configurationFor(provider.baseURL);
    const file = { defaultModel, models: { local: { ...models.local, apiKeyEnv: 'LOCAL_KEY' } } };
    const { client } = await startTestGateway({ file, environment: { LOCAL_KEY: key } });
    const { run, events } = await converse(client, { sessionKey: 'echo', text: 'Hello' });
    expect(provider.requests[0]?.headers.authorization).toBe(`Bearer ${key}`);
    expect(run).toMatchObject({ state: 'FAILED', error: { message: expect.stringContaining('No such model for') } });
    expect(JSON.stringify([run, events])).not.toContain(key);
  });
});

const twoCalls = [
  { index: 0, id: 'a', type: 'function', function: { name: 'high', arguments: '{"word":"h"}' } },
  { index: 1, id: 'b', type: 'function', function: { name: 'low', arguments: '{"word":"l"}' } },
];

async function startMockLlm(): Promise<string> {
  vi.spyOn(console, 'log').mockImplementation(() => {});
  const config = getDefaultConfig();
  config.streaming = { chunkSize: 3, chunkIntervalMs: 1 };
  const server: Server = createServer(config, '127.0.0.1', 0).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
}
