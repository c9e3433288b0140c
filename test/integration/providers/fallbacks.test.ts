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

const saying = (text: string) =>
  startProvider((response) => {
    sendEvents(response, textChunk(text), stopChunk(), usageChunk, '[DONE]');
    response.end();
  });

const answering = (status: number, message = 'no') =>
  startProvider((response) => sendJson(response, status, { error: { message } }, { 'retry-after': '0' }));

async function startWith(first: FakeProvider, second: FakeProvider, more: Record<string, unknown> = {}) {
  const models = { first: entry(first, { fallbacks: ['second'] }), second: entry(second, more) };
  return startTestGateway({ file: { defaultModel: 'first', models } });
}

describe('a fallback', () => {
  test('answers where a model is not to be had, and the tape says which of them it was', async () => {
    const [first, second] = [await answering(503), await saying('From the second.')];
    const { client } = await startWith(first, second, { price: { inputPerMillion: 1e6, outputPerMillion: 1e6 } });
    const { run, events } = await converse(client, { sessionKey: 's', text: 'Hello' });
    expect(run).toMatchObject({ state: 'DONE', output: 'From the second.', usage: { cost: 7 } });
    expect(first.requests).toHaveLength(3);
    const contexts = events.flatMap((event) => (event.__typename === 'ContextEvent' ? [event.model] : []));
    expect(contexts).toEqual(['first', 'second']);
    expect(events.find((event) => event.__typename === 'OutputEvent')).toMatchObject({ model: 'second' });
  });

  test('answers where the money of a model is used up', async () => {
    const broke = await startProvider((response) =>
      sendJson(response, 429, { error: { message: 'You exceeded your quota', code: 'insufficient_quota' } }),
    );
    const { client } = await startWith(broke, await saying('Paid.'));
    const { run } = await converse(client, { sessionKey: 's', text: 'Hello' });
    expect(run).toMatchObject({ state: 'DONE', output: 'Paid.' });
    expect(broke.requests).toHaveLength(1);
  });

  test.each([
    [401, 'no', 'MODEL_AUTH'],
    [400, 'Blocked by our content management policy.', 'MODEL_REFUSED'],
    [400, 'maximum context length is 10 tokens', 'CONTEXT_OVERFLOW'],
  ])('is not asked about %i %s: %s', async (status, message, code) => {
    const second = await saying('Me?');
    const { client } = await startWith(await answering(status, message), second);
    const { run } = await converse(client, { sessionKey: 's', text: 'Hello' });
    expect(run).toMatchObject({ state: 'FAILED', error: { code, retryable: false } });
    expect(second.requests).toEqual([]);
  });

  test('that fails too leaves the last failure', async () => {
    const { client } = await startWith(await answering(503), await answering(401));
    const { run } = await converse(client, { sessionKey: 's', text: 'Hello' });
    expect(run).toMatchObject({ state: 'FAILED', error: { code: 'MODEL_AUTH' } });
  });

  test('does not go on with what another model has begun to say', async () => {
    const first = await startProvider((response) => {
      sendEvents(response, textChunk('I think'));
      response.end();
    });
    const second = await saying('Me?');
    const { client } = await startWith(first, second);
    const { run, events } = await converse(client, { sessionKey: 's', text: 'Hello' });
    expect(run).toMatchObject({ state: 'FAILED', error: { code: 'MODEL_UNAVAILABLE' }, resumptions: 0 });
    expect([first.requests.length, second.requests.length]).toEqual([3, 0]);
    const again = events.flatMap((event) => (event.__typename === 'ResumptionEvent' ? [event] : []));
    expect(again.map(({ attempt, step }) => [attempt, step])).toEqual([
      [1, 1],
      [2, 1],
    ]);
    expect(again[0]?.reason).toContain('broke off');
  });
});

test('an answer that broke off behind a tool begins again, and the tool is not', async () => {
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
  test('opens at failures in a row, is passed by, lets one through after a pause, and closes', async () => {
    let isDown = true;
    const first = await startProvider((response) => {
      if (isDown) return sendJson(response, 503, {}, { 'retry-after': '0' });
      sendEvents(response, textChunk('I am back.'), stopChunk());
      return response.end();
    });
    let skipped = 0;
    const clock = {
      ...systemClock,
      elapsed: () => systemClock.elapsed() + skipped,
      sleep: (_milliseconds: number, signal?: AbortSignal) => systemClock.sleep(0, signal),
    };
    const models = { first: entry(first) };
    const { client } = await startTestGateway({ file: { defaultModel: 'first', models }, clock });
    const stateOf = async () => {
      const { gateway } = await client.send(GatewayDocument, {});
      return gateway.modelCatalogue.find(({ name }) => name === 'first')?.circuit;
    };
    const ask = async (sessionKey: string) => (await converse(client, { sessionKey, text: 'Hello' })).run;
    for (let call = 0; call < CIRCUIT_FAILURES; call += 1) {
      expect(await stateOf()).toBe('CLOSED');
      expect(await ask(`failing ${call}`)).toMatchObject({ error: { message: expect.stringContaining('503') } });
    }
    expect(await stateOf()).toBe('OPEN');
    const asked = first.requests.length;
    const passedBy = { code: 'MODEL_UNAVAILABLE', retryable: true, message: expect.stringContaining('left alone') };
    expect(await ask('passed by')).toMatchObject({ state: 'FAILED', error: passedBy });
    expect(first.requests).toHaveLength(asked);
    skipped = CIRCUIT_PAUSE_SECONDS * 1000;
    expect(await stateOf()).toBe('HALF_OPEN');
    isDown = false;
    expect(await ask('through')).toMatchObject({ state: 'DONE', output: 'I am back.' });
    expect(await stateOf()).toBe('CLOSED');
  });

  test('that is open sends runs to the fallback at once', async () => {
    const first = await answering(503);
    const clock = { ...systemClock, sleep: () => systemClock.sleep(0) };
    const models = { first: entry(first, { fallbacks: ['second'] }), second: entry(await saying('Me.')) };
    const { client } = await startTestGateway({ file: { defaultModel: 'first', models }, clock });
    const ask = (call: number) => converse(client, { sessionKey: `s${call}`, text: 'Hello' });
    for (let call = 0; call < CIRCUIT_FAILURES; call += 1) await ask(call);
    const asked = first.requests.length;
    const { run, events } = await ask(CIRCUIT_FAILURES);
    expect(run).toMatchObject({ state: 'DONE', output: 'Me.' });
    expect(first.requests).toHaveLength(asked);
    expect(events.filter((event) => event.__typename === 'ContextEvent').map(({ model }) => model)).toEqual(['second']);
  });
});
