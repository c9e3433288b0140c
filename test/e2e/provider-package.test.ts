import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createTestClient } from '../client.ts';
import { converse } from '../integration/conversation.ts';
import { serverFolder } from './fixtures.ts';

/** A package scope next to the built program, outside the node_modules that npm manages. */
const scope = new URL('../../dist/node_modules/@acme', import.meta.url).pathname;

/** A provider whose model answers with its own name. */
const source = `
const usage = { inputTokens: { total: 1 }, outputTokens: { total: 1 } };
export const createMindReader = () => ({
  languageModel: (modelId) => ({
    specificationVersion: 'v3',
    async doStream() {
      const parts = [
        { type: 'text-delta', id: '1', delta: 'I am ' + modelId + '.' },
        { type: 'finish', finishReason: { unified: 'stop', raw: 'stop' }, usage },
      ];
      return { stream: ReadableStream.from(parts) };
    },
  }),
});`;

test('a provider package that is installed next to the program is loaded by its name', async () => {
  const installed = join(scope, 'mind-reader');
  await mkdir(installed, { recursive: true });
  onTestFinished(() => rm(scope, { recursive: true, force: true }));
  const manifest = { name: '@acme/mind-reader', version: '1.0.0', type: 'module', exports: './index.js' };
  await writeFile(join(installed, 'package.json'), JSON.stringify(manifest));
  await writeFile(join(installed, 'index.js'), source);
  const reader = { provider: '@acme/mind-reader', model: 'clairvoyant' };
  const { start } = await serverFolder({ defaultModel: 'reader', models: { reader } });
  const server = await start();
  await using client = createTestClient(server.url);
  const { run } = await converse(client, { sessionKey: 's', text: 'What am I thinking?' });
  expect(run).toMatchObject({ state: 'DONE', output: 'I am clairvoyant.', model: 'reader' });
  expect(await server.stop('SIGTERM')).toBe(0);
});
