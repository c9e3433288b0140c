import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { type Clock, systemClock } from '../../../src/clock.ts';
import { CancelRunDocument } from '../../generated/graphql.ts';
import { converse, follow, runById, send, typesOf } from '../conversation.ts';
import { countedTool } from '../counted-tool.ts';
import { startTestGateway } from '../gateway.ts';
import { createStoppableClock } from '../stoppable-clock.ts';
import { sendJson, startProvider } from './fake-provider.ts';

type Fields = Record<string, unknown>;

/** Sends numbered events of OpenAI's streaming responses, and leaves the response open. */
function sendResponseEvents(response: ServerResponse, ...events: ({ type: string } & Fields)[]): void {
  if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  for (const [sequence_number, event] of events.entries()) {
    response.write(`event: ${event.type}\ndata: ${JSON.stringify({ ...event, sequence_number })}\n\n`);
  }
}

const whole = (status: string, more: Fields = {}) => ({
  id: 'resp_1',
  object: 'response',
  created_at: 1_770_000_000,
  status,
  model: 'gpt-test',
  output: [],
  error: null,
  incomplete_details: null,
  usage: null,
  ...more,
});
const created = { type: 'response.created', response: whole('in_progress') };
const usage = {
  input_tokens: 20,
  input_tokens_details: { cached_tokens: 15 },
  output_tokens: 12,
  output_tokens_details: { reasoning_tokens: 8 },
  total_tokens: 32,
};
const completed = { type: 'response.completed', response: whole('completed', { usage }) };

function textItem(...pieces: string[]) {
  const item = { id: 'item_1', type: 'message', role: 'assistant', status: 'in_progress', content: [] };
  const at = { item_id: 'item_1', output_index: 0, content_index: 0 };
  return [
    { type: 'response.output_item.added', output_index: 0, item },
    ...pieces.map((delta) => ({ type: 'response.output_text.delta', ...at, delta })),
    { type: 'response.output_item.done', output_index: 0, item: { ...item, status: 'completed' } },
  ];
}

function callItem(output_index: number, call_id: string, name: string, ...pieces: string[]) {
  const item = { id: `fc_${output_index}`, type: 'function_call', call_id, name, arguments: '' };
  const text = pieces.join('');
  const at = { item_id: item.id, output_index };
  return [
    { type: 'response.output_item.added', output_index, item },
    ...pieces.map((delta) => ({ type: 'response.function_call_arguments.delta', ...at, delta })),
    { type: 'response.function_call_arguments.done', ...at, arguments: text },
    { type: 'response.output_item.done', output_index, item: { ...item, arguments: text, status: 'completed' } },
  ];
}

async function startWith(baseURL: string, tools = [countedTool({ name: 'low' })], clock: Clock = systemClock) {
  const gpt = { provider: 'openai', baseURL, model: 'gpt-test' };
  const file = { defaultModel: 'gpt', models: { gpt } };
  return startTestGateway({ file, tools, clock, environment: { OPENAI_API_KEY: 'sk-very-secret' } });
}

describe('an OpenAI model', () => {
  test('B57: streams text, and reports usage with cached and reasoning tokens', async () => {
    const provider = await startProvider((response) => {
      sendResponseEvents(response, created, ...textItem('Good ', 'morning.'), completed);
      response.end();
    });
    const { client } = await startWith(provider.baseURL);
    const { run, events } = await converse(client, { sessionKey: 'hello', text: 'Hello' });
    expect(run).toMatchObject({ state: 'DONE', output: 'Good morning.' });
    expect(run.usage).toMatchObject({ inputTokens: 20, outputTokens: 12, estimated: false });
    expect(events.find((event) => event.__typename === 'OutputEvent')).toMatchObject({
      finishReason: 'stop',
      model: 'gpt',
      responseId: 'resp_1',
      usage: { inputTokens: 20, cachedInputTokens: 15, outputTokens: 12, reasoningTokens: 8 },
    });
    const [request] = provider.requests;
    expect([request?.path, request?.headers.authorization]).toEqual(['/v1/responses', 'Bearer sk-very-secret']);
  });

  test('calls tools and gets their results', async () => {
    const provider = await startProvider((response, { body }) => {
      const calls = [
        ...callItem(0, 'call_a', 'low', '{"wo', 'rd":"a"}'),
        ...callItem(1, 'call_b', 'low', '{"word":"b"}'),
      ];
      if (body.includes('function_call_output')) sendResponseEvents(response, created, ...textItem('Done.'), completed);
      else sendResponseEvents(response, created, ...calls, completed);
      response.end();
    });
    const { client } = await startWith(provider.baseURL);
    const { run } = await converse(client, { sessionKey: 'tools', text: 'Use it twice.' });
    expect(run).toMatchObject({ state: 'DONE', output: 'Done.', steps: 2 });
    const { input } = JSON.parse(provider.requests[1]?.body ?? '{}') as { input: { type: string; call_id: string }[] };
    const idsOf = (kind: string) => input.filter(({ type }) => type === kind).map(({ call_id }) => call_id);
    expect(idsOf('function_call_output')).toHaveLength(2);
    expect(idsOf('function_call_output')).toEqual(idsOf('function_call'));
  });

  test('B46: has its request stopped when the run is cancelled, without waiting for a timer', async () => {
    const provider = await startProvider((response) =>
      sendResponseEvents(response, created, ...textItem('Once upon a time').slice(0, -1)),
    );
    const clock = createStoppableClock();
    const { client } = await startWith(provider.baseURL, [], clock);
    const { run } = await send(client, { sessionKey: 'stop', text: 'Tell me a story.' });
    await follow(client, run.id, { isLast: ({ type }) => type === 'OUTPUT_DELTA' });
    const [request] = provider.requests;
    if (!request) throw new Error('The provider received no request.');
    await clock.withoutTimers(async () => {
      await client.send(CancelRunDocument, { input: { runId: run.id } });
      await request.closed;
    });
    expect(typesOf(await follow(client, run.id))).not.toContain('OUTPUT');
  });

  test('B46: has its request stopped before the first word, too', async () => {
    const provider = await startProvider(() => {});
    const { client } = await startWith(provider.baseURL);
    const { run } = await send(client, { sessionKey: 'mute', text: 'Hello?' });
    await expect.poll(() => provider.requests.length).toBe(1);
    await client.send(CancelRunDocument, { input: { runId: run.id } });
    await provider.requests[0]?.closed;
    await follow(client, run.id);
    expect(await runById(client, run.id)).toMatchObject({ state: 'CANCELLED' });
  });

  test('B19: is called again after a rate limit, and after a failure inside the stream', async () => {
    const error = { code: 'server_error', message: 'The server had an error' };
    let requests = 0;
    const provider = await startProvider((response) => {
      requests += 1;
      if (requests === 1) return sendJson(response, 429, { error: { message: 'slow down' } }, { 'retry-after': '0' });
      if (requests === 2)
        sendResponseEvents(response, created, { type: 'response.failed', response: whole('failed', { error }) });
      else sendResponseEvents(response, created, ...textItem('Here I am.'), completed);
      return response.end();
    });
    const { client } = await startWith(provider.baseURL);
    const { run } = await converse(client, { sessionKey: 'again', text: 'Are you there?' });
    expect(run).toMatchObject({ state: 'DONE', output: 'Here I am.' });
    expect(requests).toBe(3);
  });

  test('B19: that rejects the key fails the run with MODEL_AUTH at once', async () => {
    const provider = await startProvider((response) =>
      sendJson(response, 401, { error: { message: 'Incorrect API key provided', code: 'invalid_api_key' } }),
    );
    const { client } = await startWith(provider.baseURL);
    const { run } = await converse(client, { sessionKey: 'key', text: 'Hello' });
    expect(run).toMatchObject({ state: 'FAILED', error: { code: 'MODEL_AUTH', retryable: false } });
    expect(provider.requests).toHaveLength(1);
  });

  test('B20: whose stream always ends in the middle is called a bounded number of times', async () => {
    const provider = await startProvider((response) => {
      sendResponseEvents(response, created, ...textItem('So far').slice(0, -1));
      response.end();
    });
    const { client } = await startWith(provider.baseURL);
    const { run, events } = await converse(client, { sessionKey: 'cut', text: 'Hello' });
    expect(run).toMatchObject({ state: 'FAILED', error: { code: 'MODEL_UNAVAILABLE', retryable: true } });
    expect(provider.requests).toHaveLength(3);
    expect(typesOf(events).filter((type) => type === 'RESUMPTION')).toHaveLength(2);
    expect(typesOf(events)).not.toContain('OUTPUT');
  });
});
