import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { modelsConfigSchema } from '../../../src/config/model-config.ts';
import { createCatalogue } from '../../../src/models/create-catalogue.ts';
import type { ModelRequest, ModelSink } from '../../../src/models/model.ts';
import { sendEvents, sendJson, startProvider, textChunk } from '../../integration/providers/fake-provider.ts';

const key = 'key-of-the-gateway';
const request: ModelRequest = {
  instructions: '',
  messages: [{ role: 'user', text: 'Hello' }],
  tools: [],
};
const nowhere: ModelSink = { text: () => {}, thought: () => {} };

async function openCatalogue(models: object) {
  const config = modelsConfigSchema.parse({ models });
  const outcome = await createCatalogue(config, { clock: systemClock, random: Math.random, env: { KEY: key } });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.issues));
  return outcome.catalogue;
}

/** Calls a model. Its provider refuses the request, in words that contain what is secret. */
async function callRefused(entry: object) {
  const provider = await startProvider((response, { headers: { host } }) =>
    sendJson(response, 400, { error: { message: `${host} knows ${key}, but not this. Ask it.` } }),
  );
  const catalogue = await openCatalogue({ mine: { ...entry, model: 'small', baseURL: provider.baseURL } });
  onTestFinished(() => catalogue[Symbol.asyncDispose]());
  const answer = catalogue.find('mine')?.model.stream(request, nowhere, new AbortController().signal);
  const failure = await answer?.catch((error: Error) => error.message);
  const [{ path, headers, body } = { path: '', headers: {}, body: '{}' }] = provider.requests;
  return { failure, path, headers, body: JSON.parse(body) };
}

describe('a configured model', () => {
  test.each([
    [{ provider: 'openai-compatible' }, '/v1/chat/completions', { authorization: `Bearer ${key}` }],
    [{ provider: 'anthropic' }, '/v1/messages', { 'x-api-key': key }],
    [{ provider: 'openai' }, '/v1/responses', { authorization: `Bearer ${key}` }],
    [{ provider: '@ai-sdk/openai', factory: 'createOpenAI' }, '/v1/responses', { authorization: `Bearer ${key}` }],
  ])('of %o gets its key and headers, and its failures do not have what is secret', async (entry, path, headers) => {
    const called = await callRefused({ ...entry, apiKeyEnv: 'KEY', headers: { 'x-team': 'a' }, maxOutputTokens: 50 });
    expect(called).toMatchObject({ path, headers: { ...headers, 'x-team': 'a' }, body: { model: 'small' } });
    expect(Object.values(called.body)).toContain(50);
    expect(called.failure).toMatch(/ knows .+, but not this\. Ask it\./);
    expect(called.failure).not.toContain(key);
    expect(called.failure).not.toContain('127.0.0.1');
  });

  test('has no key if the configuration names none', async () => {
    const { path, headers } = await callRefused({ provider: 'openai-compatible' });
    expect(path).toBe('/v1/chat/completions');
    expect(headers).not.toHaveProperty('authorization');
  });
});

test('disposing the catalogue closes the connections of its models', async () => {
  const provider = await startProvider((response) => sendEvents(response, textChunk('Well')));
  const catalogue = await openCatalogue({
    mine: { provider: 'openai-compatible', model: 'small', baseURL: provider.baseURL },
  });
  let failed: Promise<unknown> | undefined;
  await new Promise<void>((resolve) => {
    const sink = { ...nowhere, text: () => resolve() };
    failed = catalogue.find('mine')?.model.stream(request, sink, new AbortController().signal);
    failed?.catch(() => {});
  });
  await catalogue[Symbol.asyncDispose]();
  await expect(failed).rejects.toThrow('The connection to the model provider failed');
  await provider.requests[0]?.closed;
});
