import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getDefaultConfig } from '@dwmkerr/mock-llm/dist/config.js';
import { createServer } from '@dwmkerr/mock-llm/dist/server.js';
import { mockOpenAIResponse } from 'openai-api-mock';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import type { ModelRequest } from '../../../src/models/model.ts';
import { createOpenAiCompatibleModel } from '../../../src/models/openai-compatible/chat-model.ts';
import { startProvider } from './fake-provider.ts';

/** Mock servers by other authors, which behave like the servers that users have. */

function call(baseURL: string, text: string, tools: ModelRequest['tools'] = []) {
  const model = createOpenAiCompatibleModel({ baseURL, model: 'any', apiKey: 'key', clock: systemClock });
  onTestFinished(() => model[Symbol.asyncDispose]());
  const texts: string[] = [];
  const request: ModelRequest = { instructions: '', messages: [{ role: 'user', text }], tools };
  const sink = { text: (piece: string) => texts.push(piece), thought() {} };
  return { finish: model.stream(request, sink, new AbortController().signal), texts };
}

describe('mock-llm', () => {
  const responseRule = (content: string, match: string, status = 200) => ({
    path: '/v1/chat/completions',
    match: `contains(body.messages[-1].content, '${match}')`,
    response: { status, content },
  });

  async function startMock(): Promise<string> {
    vi.spyOn(console, 'log').mockImplementation(() => {});
    const config = getDefaultConfig();
    const error = {
      error: { message: 'Incorrect API key provided.', type: 'invalid_request_error', code: 'invalid_api_key' },
    };
    config.streaming = { chunkSize: 3, chunkIntervalMs: 1 };
    config.rules.push(responseRule(JSON.stringify(error), 'denied', 401));
    const server: Server = createServer(config, '127.0.0.1', 0).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  }

  it('streams an echo', async () => {
    const { finish, texts } = call(await startMock(), 'Hello there');
    expect(await finish).toMatchObject({ reason: 'stop', calls: [], usage: null });
    expect(texts).toEqual(['Hel', 'lo ', 'the', 're']);
  });

  it('reports a wrong key inside the stream', async () => {
    const { finish } = call(await startMock(), 'denied');
    await expect(finish).rejects.toMatchObject({ code: 'MODEL_AUTH', retryable: false });
  });

  it('refuses another path', async () => {
    const { finish } = call((await startMock()).replace('/v1', '/v2'), 'Hello');
    await expect(finish).rejects.toMatchObject({ code: 'MODEL_REFUSED', retryable: false });
  });
});

describe('openai-api-mock', () => {
  const address = 'https://api.openai.com';

  /** This mock intercepts requests within the process, so a server forwards requests to it. */
  async function startMock(): Promise<string> {
    const mock = mockOpenAIResponse(true, { seed: 1, baseUrl: address });
    onTestFinished(() => mock.stopMocking());
    const { baseURL } = await startProvider(async (response, { path, body }) => {
      const headers = { 'content-type': 'application/json' };
      const mocked = await fetch(`${address}${path}`, { method: 'POST', headers, body });
      response.writeHead(mocked.status, { 'content-type': mocked.headers.get('content-type') ?? 'text/event-stream' });
      response.end(Buffer.from(await mocked.arrayBuffer()));
    });
    return baseURL;
  }

  it('streams random words without a finish reason', async () => {
    const { finish, texts } = call(await startMock(), 'Hello');
    expect(await finish).toMatchObject({ reason: 'stop', calls: [], usage: null });
    expect(texts).toHaveLength(4);
  });
});
