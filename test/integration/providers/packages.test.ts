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

/** Source of a factory whose model contains the settings that the factory was given. */
const factorySource = `(settings) => ({
  languageModel: (modelId) => ({ specificationVersion: 'v3', provider: JSON.stringify(settings), modelId, doStream() {} }),
})`;

/** Writes a package like npm would install it, and loads a model from it. */
async function loadFrom(source: string, address: Partial<SdkModelAddress> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'runtape-packages-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const packageName = address.packageName ?? '@acme/mind-reader';
  const home = join(folder, 'node_modules', packageName);
  await mkdir(home, { recursive: true });
  const manifest = { name: packageName, version: '1.0.0', type: 'module', exports: './index.js' };
  await writeFile(join(home, 'package.json'), JSON.stringify(manifest));
  await writeFile(join(home, 'index.js'), source);
  const settings = { apiKey: 'key', headers: {} };
  const completeAddress = { packageName, factory: null, model: 'small', settings, ...address };
  return loadSdkModel(completeAddress, () => import(/* @vite-ignore */ pathToFileURL(join(home, 'index.js')).href));
}

describe('a provider package', () => {
  test('with one factory: it gets the settings, and its provider creates the model', async () => {
    const loaded = await loadFrom(`export const createAnything = ${factorySource}; export const VERSION = '1';`);
    if (!loaded.ok) throw new Error(loaded.problem);
    expect(loaded.model).toMatchObject({ modelId: 'small', provider: '{"apiKey":"key","headers":{}}' });
  });

  test('with several factories: the one named after the package, or the one that the configuration names', async () => {
    const two = `export const createMindReader = ${factorySource}; export const createOther = ${factorySource};`;
    expect(await loadFrom(two)).toMatchObject({ ok: true });
    expect(await loadFrom(two, { packageName: 'mind-reader', factory: 'createOther' })).toMatchObject({ ok: true });
    expect(await loadFrom(two, { packageName: 'thinker' })).toEqual({
      ok: false,
      field: 'factory',
      problem:
        'thinker exports several functions create…: name the right one with "factory". It exports: createMindReader, createOther.',
    });
    expect(await loadFrom(two, { factory: 'createNone' })).toMatchObject({
      ok: false,
      field: 'factory',
      problem: expect.stringContaining(
        'does not export a function "createNone". It exports: createMindReader, createOther.',
      ),
    });
  });

  test('whose provider is itself the function that creates the model', async () => {
    const source = `export const createX = () => (modelId) => ({ specificationVersion: 'v3', modelId, doStream() {} });`;
    expect(await loadFrom(source)).toMatchObject({ ok: true, model: { modelId: 'small' } });
  });

  test.each([
    ['export const left = 1;', 'factory', 'exports no function create…'],
    ['export const createX = () => ({});', 'provider', 'its provider has no language models'],
    [
      "export const createX = () => () => ({ specificationVersion: 'v2', doStream() {} });",
      'provider',
      'implements version v2',
    ],
    ["throw new Error('broken on arrival');", 'provider', 'could not be loaded: broken on arrival'],
    ["import 'not-installed-at-all';", 'provider', 'could not be loaded'],
  ])('with the source %s is refused', async (source, field, words) => {
    expect(await loadFrom(source)).toMatchObject({ ok: false, field, problem: expect.stringContaining(words) });
  });
});

test('a package that the configuration names is imported from node_modules', async () => {
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

test('a package that is not installed stops the start with a message that says what to do', async () => {
  const file = { models: { other: { provider: '@ai-sdk/not-there', model: 'm' } } };
  await expect(startTestGateway({ file })).rejects.toMatchObject({
    name: 'StartError',
    message: expect.stringMatching(/^models\.other\.provider: .*npm install @ai-sdk\/not-there$/),
  });
});
