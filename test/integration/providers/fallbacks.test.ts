import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { CIRCUIT_FAILURES, CIRCUIT_PAUSE_SECONDS } from '../../../src/config/limits.ts';
import { GatewayDocument } from '../../generated/graphql.ts';
import { converse } from '../conversation.ts';
import { countedTool } from '../counted-tool.ts';
import { startTestGateway } from '../gateway.ts';
import {
  type FakeProvider,
  sendEvents,
  sendJson,
  startProvider,
  stopChunk,
  textChunk,
  usageChunk,
} from './fake-provider.ts';

const entry = ({ baseURL }: { baseURL: string }, more: Record<string, unknown> = {}) => ({
  provider: 'openai-compatible',
  baseURL,
  model: 'any',
  ...more,
});

const respondingWith = (text: string) =>
  startProvider((response) => {
    sendEvents(response, textChunk(text), stopChunk(), usageChunk, '[DONE]');
    response.end();
  });

const failingWith = (status: number, message = 'no') =>
  startProvider((response) => sendJson(response, status, { error: { message } }, { 'retry-after': '0' }));

async function startWith(first: FakeProvider, second: FakeProvider, more: Record<string, unknown> = {}) {
  const models = { first: entry(first, { fallbacks: ['second'] }), second: entry(second, more) };
  return startTestGateway({ file: { defaultModel: 'first', models } });
}

describe('a fallback', () => {
  test('takes over from a model that is unavailable, and the tape names the model that responded', async () => {
    const [first, second] = [await failingWith(503), await respondingWith('From the second.')];
    const { client } = await startWith(first, second, { price: { inputPerMillion: 1e6, outputPerMillion: 1e6 } });
    const { run, events } = await converse(client, { sessionKey: 's', text: 'Hello' });
    expect(run).toMatchObject({ state: 'DONE', output: 'From the second.', usage: { cost: 7 } });
    expect(first.requests).toHaveLength(3);
    const contexts = events.flatMap((event) => (event.__typename === 'ContextEvent' ? [event.model] : []));
    expect(contexts).toEqual(['first', 'second']);
    expect(events.find((event) => event.__typename === 'OutputEvent')).toMatchObject({ model: 'second' });
  });

  test('is chosen in the order of the configuration of the model, which is not the order of the catalogue', async () => {
    const [first, third] = [await failingWith(503), await failingWith(503)];
    const models = {
      second: entry(await respondingWith('From the second.')),
      third: entry(third),
      first: entry(first, { fallbacks: ['third', 'second'] }),
    };
    const clock = { ...systemClock, sleep: () => systemClock.sleep(0) };
    const { client } = await startTestGateway({ file: { defaultModel: 'first', models }, clock });
    const { run, events } = await converse(client, { sessionKey: 's', text: 'Hello' });
    expect(run).toMatchObject({ state: 'DONE', output: 'From the second.' });
    const contexts = events.flatMap((event) => (event.__typename === 'ContextEvent' ? [event.model] : []));
    expect(contexts).toEqual(['first', 'third', 'second']);
  });

  test('takes over from a model whose quota is exhausted', async () => {
    const exhausted = await startProvider((response) =>
      sendJson(response, 429, { error: { message: 'You exceeded your quota', code: 'insufficient_quota' } }),
    );
    const { client } = await startWith(exhausted, await respondingWith('Paid.'));
    const { run } = await converse(client, { sessionKey: 's', text: 'Hello' });
    expect(run).toMatchObject({ state: 'DONE', output: 'Paid.' });
    expect(exhausted.requests).toHaveLength(1);
  });

  test('takes over from a model that the provider does not know', async () => {
    const { client } = await startWith(await failingWith(404, 'No such model.'), await respondingWith('Known.'));
    const { run } = await converse(client, { sessionKey: 's', text: 'Hello' });
    expect(run).toMatchObject({ state: 'DONE', output: 'Known.' });
  });

  test.each([
    [401, 'no', 'MODEL_AUTH'],
    [400, 'Blocked by our content management policy.', 'MODEL_REFUSED'],
    [400, 'maximum context length is 10 tokens', 'CONTEXT_OVERFLOW'],
  ])('is not used after %i %s: %s', async (status, message, code) => {
    const second = await respondingWith('Me?');
    const { client } = await startWith(await failingWith(status, message), second);
    const { run } = await converse(client, { sessionKey: 's', text: 'Hello' });
    expect(run).toMatchObject({ state: 'FAILED', error: { code, retryable: false } });
    expect(second.requests).toEqual([]);
  });

  test('that fails too fails the run with its own failure', async () => {
    const { client } = await startWith(await failingWith(503), await failingWith(401));
    const { run } = await converse(client, { sessionKey: 's', text: 'Hello' });
    expect(run).toMatchObject({ state: 'FAILED', error: { code: 'MODEL_AUTH' } });
  });

  test('does not continue the response of another model', async () => {
    const first = await startProvider((response) => {
      sendEvents(response, textChunk('I think'));
      response.end();
    });
    const second = await respondingWith('Me?');
    const { client } = await startWith(first, second);
    const { run, events } = await converse(client, { sessionKey: 's', text: 'Hello' });
    expect(run).toMatchObject({ state: 'FAILED', error: { code: 'MODEL_UNAVAILABLE' }, resumptions: 0 });
    expect([first.requests.length, second.requests.length]).toEqual([3, 0]);
    const resumptions = events.flatMap((event) => (event.__typename === 'ResumptionEvent' ? [event] : []));
    expect(resumptions.map(({ attempt, step }) => [attempt, step])).toEqual([
      [1, 1],
      [2, 1],
    ]);
    expect(resumptions[0]?.reason).toContain('broke off');
  });
});

test('a response that ends early after a tool call is repeated, and the tool is not executed again', async () => {
  let requests = 0;
  const provider = await startProvider((response) => {
    requests += 1;
    const call = { index: 0, id: 'a', function: { name: 'count', arguments: '{"word":"a"}' } };
    if (requests === 1) sendEvents(response, { choices: [{ delta: { tool_calls: [call] } }] }, stopChunk('tool_calls'));
    else if (requests === 2) sendEvents(response, textChunk('Cou'));
    else sendEvents(response, textChunk('Counted.'), stopChunk());
    response.end();
  });
  const tool = countedTool();
  const file = { defaultModel: 'first', models: { first: entry(provider) } };
  const { client } = await startTestGateway({ file, tools: [tool] });
  const { run, events } = await converse(client, { sessionKey: 's', text: 'Count.' });
  expect(run).toMatchObject({ state: 'DONE', output: 'Counted.', steps: 2 });
  expect(tool.executions).toHaveLength(1);
  expect(events.find((event) => event.__typename === 'ResumptionEvent')).toMatchObject({ step: 2, attempt: 1 });
});

describe('a circuit', () => {
  test('opens after consecutive failures, fails runs at once, lets one call through after a pause, and closes', async () => {
    let isDown = true;
    const first = await startProvider((response) => {
      if (isDown) return sendJson(response, 503, {}, { 'retry-after': '0' });
      sendEvents(response, textChunk('I am back.'), stopChunk());
      return response.end();
    });
    let skippedMilliseconds = 0;
    const clock = {
      ...systemClock,
      elapsed: () => systemClock.elapsed() + skippedMilliseconds,
      sleep: (_milliseconds: number, signal?: AbortSignal) => systemClock.sleep(0, signal),
    };
    const models = { first: entry(first) };
    const { client } = await startTestGateway({ file: { defaultModel: 'first', models }, clock });
    const stateOf = async () => {
      const { gateway } = await client.send(GatewayDocument, {});
      return gateway.modelCatalogue.find(({ name }) => name === 'first')?.circuit;
    };
    const runIn = async (sessionKey: string) => (await converse(client, { sessionKey, text: 'Hello' })).run;
    for (let call = 0; call < CIRCUIT_FAILURES; call += 1) {
      expect(await stateOf()).toBe('CLOSED');
      expect(await runIn(`failing ${call}`)).toMatchObject({ error: { message: expect.stringContaining('503') } });
    }
    expect(await stateOf()).toBe('OPEN');
    const requestCount = first.requests.length;
    const message = expect.stringContaining('failed repeatedly');
    const error = { code: 'MODEL_UNAVAILABLE', retryable: true, message };
    expect(await runIn('while open')).toMatchObject({ state: 'FAILED', error });
    expect(first.requests).toHaveLength(requestCount);
    skippedMilliseconds = CIRCUIT_PAUSE_SECONDS * 1000;
    expect(await stateOf()).toBe('HALF_OPEN');
    isDown = false;
    expect(await runIn('while half open')).toMatchObject({ state: 'DONE', output: 'I am back.' });
    expect(await stateOf()).toBe('CLOSED');
  });

  test('that is open makes runs use the fallback at once', async () => {
    const first = await failingWith(503);
    const clock = { ...systemClock, sleep: () => systemClock.sleep(0) };
    const models = { first: entry(first, { fallbacks: ['second'] }), second: entry(await respondingWith('Me.')) };
    const { client } = await startTestGateway({ file: { defaultModel: 'first', models }, clock });
    const runNumber = (call: number) => converse(client, { sessionKey: `s${call}`, text: 'Hello' });
    for (let call = 0; call < CIRCUIT_FAILURES; call += 1) await runNumber(call);
    const requestCount = first.requests.length;
    const { run, events } = await runNumber(CIRCUIT_FAILURES);
    expect(run).toMatchObject({ state: 'DONE', output: 'Me.' });
    expect(first.requests).toHaveLength(requestCount);
    expect(events.filter((event) => event.__typename === 'ContextEvent').map(({ model }) => model)).toEqual(['second']);
  });
});
