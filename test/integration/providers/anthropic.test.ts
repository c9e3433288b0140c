import { describe, expect, test } from 'vitest';
import { CancelRunDocument } from '../../generated/graphql.ts';
import { converse, decideNextApproval, follow, runById, send, typesOf } from '../conversation.ts';
import { countedTool } from '../counted-tool.ts';
import { startTestGateway } from '../gateway.ts';
import { createStoppableClock } from '../stoppable-clock.ts';
import {
  blockDelta,
  blockStart,
  messageEnd,
  messageStart,
  sendMessageEvents,
  textBlock,
  thinkingBlock,
  toolBlock,
} from './anthropic-stream.ts';
import { sendJson, startProvider } from './fake-provider.ts';

function configurationFor(baseURL: string, more: Record<string, unknown> = {}) {
  const claude = { provider: 'anthropic', baseURL, model: 'claude-test', maxOutputTokens: 500, ...more };
  return { defaultModel: 'claude', models: { claude } };
}

const overrides = { environment: { ANTHROPIC_API_KEY: 'sk-ant-very-secret' } };

async function startWith(baseURL: string, more: Record<string, unknown> = {}, tools = [countedTool({ name: 'low' })]) {
  return startTestGateway({ file: configurationFor(baseURL, more), tools, ...overrides });
}

describe('an Anthropic model', () => {
  test('B57: streams thoughts and text, and reports usage', async () => {
    const provider = await startProvider((response) => {
      const usage = { input_tokens: 10, cache_read_input_tokens: 30, cache_creation_input_tokens: 0, output_tokens: 1 };
      sendMessageEvents(response, messageStart(usage), { type: 'ping' }, ...thinkingBlock(0, 'Let me see.'));
      sendMessageEvents(response, ...textBlock(1, 'Good ', 'morning.'), ...messageEnd());
      response.end();
    });
    const price = { inputPerMillion: 3, outputPerMillion: 15, cachedInputPerMillion: 0.3 };
    const options = { anthropic: { thinking: { type: 'enabled', budgetTokens: 1024 } } };
    const { client } = await startWith(provider.baseURL, { price, options, headers: { 'x-mine': 'yes' } });
    const { run, events } = await converse(client, { sessionKey: 'hello', text: 'Hello' });
    expect(run).toMatchObject({ state: 'DONE', output: 'Good morning.', model: 'claude' });
    expect(run.usage).toMatchObject({ inputTokens: 40, outputTokens: 9, estimated: false });
    expect(run.usage.cost).toBeCloseTo((10 * 3 + 30 * 0.3 + 9 * 15) / 1e6, 12);
    const thoughts = events.flatMap((event) => (event.__typename === 'ThoughtEvent' ? [event.text] : []));
    expect(thoughts.join('')).toBe('Let me see.');
    const output = events.find((event) => event.__typename === 'OutputEvent');
    expect(output).toMatchObject({ finishReason: 'stop', model: 'claude', responseId: 'msg_1' });
    expect(output).toMatchObject({ usage: { cachedInputTokens: 30 } });
    const [request] = provider.requests;
    expect(request?.path).toBe('/v1/messages');
    expect(request?.headers).toMatchObject({ 'x-api-key': 'sk-ant-very-secret', 'x-mine': 'yes' });
    expect(JSON.parse(request?.body ?? '')).toMatchObject({
      model: 'claude-test',
      stream: true,
      thinking: { type: 'enabled', budget_tokens: 1024 },
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello' }] }],
    });
  });

  test('calls tools, one of them after an approval, and gets its thoughts and the results back in order', async () => {
    const provider = await startProvider((response, { body }) => {
      if (body.includes('tool_result')) {
        sendMessageEvents(response, messageStart(), ...textBlock(0, 'Both done.'), ...messageEnd());
      } else {
        sendMessageEvents(response, messageStart(), ...thinkingBlock(0, 'Both?'), ...textBlock(1, 'Let me.'));
        sendMessageEvents(response, ...toolBlock(2, 'toolu_1', 'high', '{"wo', 'rd":"h"}'));
        sendMessageEvents(response, ...toolBlock(3, 'toolu_2', 'low', '{"word":"l"}'), ...messageEnd('tool_use'));
      }
      response.end();
    });
    const tools = [countedTool({ name: 'low' }), countedTool({ name: 'high', risk: 'HIGH' })];
    const options = { anthropic: { thinking: { type: 'enabled', budgetTokens: 1024 } } };
    const { client } = await startWith(provider.baseURL, { options }, tools);
    const { run } = await send(client, { sessionKey: 'tools', text: 'Use both.' });
    await decideNextApproval(client, run.id, 'ALLOW');
    await follow(client, run.id);
    expect(await runById(client, run.id)).toMatchObject({ state: 'DONE', output: 'Both done.', steps: 2 });
    const { messages, tools: shown } = JSON.parse(provider.requests[1]?.body ?? '{}');
    expect(shown.map(({ name }: { name: string }) => name)).toEqual(['low', 'high']);
    const [assistantMessage, resultMessage] = messages.slice(-2);
    const [thought, text, ...calls] = assistantMessage.content;
    expect([thought, text]).toMatchObject([
      { type: 'thinking', thinking: 'Both?', signature: 'c2lnbmVk' },
      { type: 'text', text: 'Let me.' },
    ]);
    const ids = calls.map(({ id }: { id: string }) => id);
    expect(ids).toHaveLength(2);
    expect(resultMessage.content.map((part: { tool_use_id: string }) => part.tool_use_id)).toEqual(ids);
    expect(JSON.stringify(resultMessage.content[0].content)).toContain('counted h');
  });

  test('B46: has its request stopped when the run is cancelled, without waiting for a timer', async () => {
    const provider = await startProvider((response) =>
      sendMessageEvents(
        response,
        messageStart(),
        blockStart(0, { type: 'text', text: '' }),
        blockDelta(0, { type: 'text_delta', text: 'Once upon a time' }),
      ),
    );
    const clock = createStoppableClock();
    const { client } = await startTestGateway({ file: configurationFor(provider.baseURL), ...overrides, clock });
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

  test('B19: is called again after an overload inside the stream, and after a lost connection before the first word', async () => {
    const overloaded = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } };
    let requests = 0;
    const provider = await startProvider((response) => {
      requests += 1;
      if (requests === 1) return sendMessageEvents(response, overloaded);
      if (requests === 2) return response.destroy();
      sendMessageEvents(response, messageStart(), ...textBlock(0, 'Here I am.'), ...messageEnd());
      return response.end();
    });
    const { client } = await startWith(provider.baseURL);
    const { run } = await converse(client, { sessionKey: 'again', text: 'Are you there?' });
    expect(run).toMatchObject({ state: 'DONE', output: 'Here I am.' });
    expect(requests).toBe(3);
  });

  test('B19: that rejects the key fails the run with MODEL_AUTH at once, and the key is not recorded', async () => {
    const provider = await startProvider((response) =>
      sendJson(response, 401, {
        type: 'error',
        error: { type: 'authentication_error', message: 'invalid x-api-key sk-ant-very-secret' },
      }),
    );
    const { client } = await startWith(provider.baseURL);
    const { run, events } = await converse(client, { sessionKey: 'key', text: 'Hello' });
    expect(run).toMatchObject({ state: 'FAILED', error: { code: 'MODEL_AUTH', retryable: false } });
    expect(provider.requests).toHaveLength(1);
    expect(JSON.stringify(events)).not.toContain('very-secret');
  });

  test.each([
    // The second request uses half of the context window.
    ['prompt is too long: 210000 tokens > 200000 maximum', 'CONTEXT_OVERFLOW', 2],
    ['messages: text content blocks must be non-empty', 'MODEL_REFUSED', 1],
  ])('B19: that responds "%s" fails the run with %s', async (message, code, requests) => {
    const provider = await startProvider((response) =>
      sendJson(response, 400, { type: 'error', error: { type: 'invalid_request_error', message } }),
    );
    const { client } = await startWith(provider.baseURL);
    const { run } = await converse(client, { sessionKey: 'bad', text: 'Hello' });
    expect(run).toMatchObject({
      state: 'FAILED',
      error: { code, retryable: false, message: expect.stringContaining(message) },
    });
    expect(provider.requests).toHaveLength(requests);
  });

  test('that withholds its response fails the run with MODEL_REFUSED', async () => {
    const provider = await startProvider((response) => {
      sendMessageEvents(response, messageStart(), ...messageEnd('refusal'));
      response.end();
    });
    const { client } = await startWith(provider.baseURL);
    const { run } = await converse(client, { sessionKey: 'no', text: 'Hello' });
    expect(run).toMatchObject({ state: 'FAILED', error: { code: 'MODEL_REFUSED' } });
  });

  test.each([
    ['ends', (response: { end(): void }) => response.end()],
    ['breaks', (response: { destroy(): void }) => response.destroy()],
  ])(
    'B20: whose stream %s in the middle is called again, and its output is the deltas after the resumption',
    async (_name, breakOff) => {
      let requests = 0;
      const provider = await startProvider(async (response) => {
        requests += 1;
        if (requests > 1) {
          sendMessageEvents(response, messageStart(), ...textBlock(0, 'Take two.'), ...messageEnd());
          return response.end();
        }
        sendMessageEvents(response, messageStart(), ...textBlock(0, 'Take one').slice(0, -1));
        await new Promise((resolve) => response.write(': flushed\n\n', resolve));
        return breakOff(response as never);
      });
      const { client } = await startWith(provider.baseURL);
      const { run, events } = await converse(client, { sessionKey: 'cut', text: 'Hello' });
      expect(run).toMatchObject({ state: 'DONE', output: 'Take two.', steps: 1, resumptions: 0 });
      const resumption = events.findLastIndex(({ type }) => type === 'RESUMPTION');
      const deltas = events
        .slice(resumption)
        .flatMap((event) => (event.__typename === 'OutputDeltaEvent' ? [event.text] : []));
      expect(deltas.join('')).toBe('Take two.');
    },
  );
});
