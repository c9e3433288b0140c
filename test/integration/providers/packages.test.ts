import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { loadSdkModel, type SdkModelAddress } from '../../../src/models/ai-sdk/load.ts';
import { converse } from '../conversation.ts';
import { startTestGateway } from '../gateway.ts';
import { messageEnd, messageStart, sendMessageEvents, textBlock } from './anthropic-stream.ts';
import { startProvider } from './fake-provider.ts';

/** A provider that makes a model of what it was told. */
const provider = `(settings) => ({
  languageModel: (modelId) => ({ specificationVersion: 'v3', provider: JSON.stringify(settings), modelId, doStream() {} }),
})`;

/** Writes a package as npm would install it, and loads a model of it. */
async function loadFrom(source: string, address: Partial<SdkModelAddress> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'runtape-packages-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const packageName = address.packageName ?? '@acme/mind-reader';
  const home = join(folder, 'node_modules', packageName);
  await mkdir(home, { recursive: true });
  const description = { name: packageName, version: '1.0.0', type: 'module', exports: './index.js' };
  await writeFile(join(home, 'package.json'), JSON.stringify(description));
  await writeFile(join(home, 'index.js'), source);
  const settings = { apiKey: 'key', headers: {} };
  const whole = { packageName, factory: null, model: 'small', settings, ...address };
  return loadSdkModel(whole, () => import(/* @vite-ignore */ pathToFileURL(join(home, 'index.js')).href));
}

describe('a provider package', () => {
  test('has one function that makes a provider: it is told the settings, and asked for the model', async () => {
    const loaded = await loadFrom(`export const createAnything = ${provider}; export const VERSION = '1';`);
    if (!loaded.ok) throw new Error(loaded.problem);
    expect(loaded.model).toMatchObject({ modelId: 'small', provider: '{"apiKey":"key","headers":{}}' });
  });

  test('has several: the one that is called as the package is, or the one that the configuration names', async () => {
    const two = `export const createMindReader = ${provider}; export const createOther = ${provider};`;
    expect(await loadFrom(two)).toMatchObject({ ok: true });
    expect(await loadFrom(two, { packageName: 'mind-reader', factory: 'createOther' })).toMatchObject({ ok: true });
    expect(await loadFrom(two, { packageName: 'thinker' })).toEqual({
      ok: false,
      field: 'factory',
      problem:
        'thinker exports several functions that could make a provider: say with "factory" which one. It has: createMindReader, createOther.',
    });
    expect(await loadFrom(two, { factory: 'createNone' })).toMatchObject({
      ok: false,
      field: 'factory',
      problem: expect.stringContaining('exports no function "createNone". It has: createMindReader, createOther.'),
    });
  });

  test('makes its model by being called, where it has no function for that', async () => {
    const source = `export const createX = () => (modelId) => ({ specificationVersion: 'v3', modelId, doStream() {} });`;
    expect(await loadFrom(source)).toMatchObject({ ok: true, model: { modelId: 'small' } });
  });

  test.each([
    ['export const left = 1;', 'factory', 'exports no function create…'],
    ['export const createX = () => ({});', 'provider', 'it makes no language models'],
    [
      "export const createX = () => () => ({ specificationVersion: 'v2', doStream() {} });",
      'provider',
      'speaks version v2',
    ],
    ["throw new Error('broken on arrival');", 'provider', 'could not be loaded: broken on arrival'],
    ["import 'not-installed-at-all';", 'provider', 'could not be loaded'],
  ])('that is %s is refused', async (source, field, words) => {
    expect(await loadFrom(source)).toMatchObject({ ok: false, field, problem: expect.stringContaining(words) });
  });
});

test('a package that is named in the configuration is found where npm puts it', async () => {
  const provider = await startProvider((response) => {
    sendMessageEvents(response, messageStart(), ...textBlock(0, 'By name.'), ...messageEnd());
    response.end();
  });
  const named = { provider: '@ai-sdk/anthropic', baseURL: provider.baseURL, model: 'm', apiKeyEnv: 'MY_KEY' };
  const { client } = await startTestGateway({
    file: { defaultModel: 'named', models: { named } },
    environment: { MY_KEY: 'k' },
  });
  const { run } = await converse(client, { sessionKey: 's', text: 'Hello' });
  expect(run).toMatchObject({ state: 'DONE', output: 'By name.' });
});

test('one that is not installed stops the start, and says what to do', async () => {
  const file = { models: { other: { provider: '@ai-sdk/not-there', model: 'm' } } };
  await expect(startTestGateway({ file })).rejects.toMatchObject({
    name: 'StartError',
    message: expect.stringMatching(/^models\.other\.provider: .*npm install @ai-sdk\/not-there$/),
  });
});
