import { join } from 'node:path';
import { createServer } from 'vite';
import { expect, onTestFinished, test } from 'vitest';
import { createTestClient } from '../client.ts';
import { createServerFolder, type ServerProcess } from '../e2e/server-process.ts';
import { follow, runById, send, typesOf } from '../integration/conversation.ts';
import { calling } from '../integration/counted-tool.ts';
import { openPage, takeScreenshot } from './explorer.ts';
import type {} from './hooks/main.tsx';

const root = join(import.meta.dirname, '../..');
const pollOptions = { timeout: 30_000, interval: 50 };
const client = (file: string) => join(root, 'client/src', file);

async function startServer(): Promise<{ server: ServerProcess; restart(): Promise<void> }> {
  const home = await createServerFolder({ models: { scripted: { provider: 'scripted', paceMilliseconds: 5 } } });
  onTestFinished(() => home[Symbol.asyncDispose]());
  const server = await home.start();
  const restart = async () => {
    await server.stop('SIGKILL');
    await home.start({ PORT: new URL(server.url).port });
  };
  return { server, restart };
}

/** Serves a page with its sources, and passes on what it sends to the gateway. */
async function servePage(folder: string, gateway: string): Promise<string> {
  const server = await createServer({
    configFile: false,
    root: join(root, folder),
    logLevel: 'silent',
    cacheDir: join(root, 'node_modules/.vite-test'),
    resolve: {
      alias: [
        { find: /^@runtape\/client$/, replacement: client('index.ts') },
        { find: /^@runtape\/client\/react$/, replacement: client('react/index.ts') },
      ],
    },
    server: {
      port: 0,
      host: '127.0.0.1',
      hmr: false,
      proxy: { '/graphql': { target: new URL(gateway).origin, ws: true } },
    },
    // Found at the start: otherwise the page is reloaded when they are found.
    optimizeDeps: { include: ['react', 'react-dom/client', 'react/jsx-runtime', 'react/jsx-dev-runtime'] },
  });
  onTestFinished(() => server.close());
  await server.listen();
  return server.resolvedUrls?.local[0] ?? '';
}

test('the example chat sends, approves, survives a reload in the middle of an answer, and stops', async () => {
  const { server } = await startServer();
  const { page, problems } = await openPage(await servePage('examples/chat', server.url));
  const message = page.getByLabel('Message');
  const sendText = async (text: string) => {
    await message.fill(text);
    await page.getByRole('button', { name: 'Send' }).click();
  };
  const answers = page.locator('article.assistant');

  await sendText('fetch https://example.com');
  await page.getByRole('button', { name: 'Deny' }).click();
  await expect.poll(() => answers.count(), pollOptions).toBe(2);
  await expect.poll(() => page.locator('.wait').count(), pollOptions).toBe(0);

  await sendText('/words 400');
  await expect.poll(() => answers.last().textContent(), pollOptions).toContain('word-5');
  await page.reload();
  await expect.poll(() => answers.last().textContent(), pollOptions).toContain('word-50');
  await page.getByRole('button', { name: 'Stop' }).click();
  await expect.poll(() => answers.last().getAttribute('aria-busy'), pollOptions).toBe('false');
  await takeScreenshot(page, 'example-chat');
  expect(problems).toEqual([]);
});

test('B81: a hundred hooks on one run hold one subscription, and none is left after the last has left', async () => {
  const { server } = await startServer();
  const { page } = await openPage(await servePage('test/browser/hooks', server.url));
  const { run } = await send(createTestClient(server.url), { sessionKey: 'hooks', text: '/pace 20\n/words 60' });
  await page.waitForFunction(() => 'hooks' in window);
  await page.evaluate((id) => window.hooks.mountRuns(id, 100), run.id);
  await expect.poll(() => page.locator('p').last().textContent(), pollOptions).toContain('word-5');
  // Strict mode mounts twice: the first subscription ends at once.
  const { subscribe, complete, open } = await page.evaluate(() => window.hooks.sent);
  expect([subscribe - complete, open]).toEqual([1, 1]);
  await page.evaluate(() => window.hooks.clear());
  await expect
    .poll(() => page.evaluate(() => window.hooks.sent.subscribe - window.hooks.sent.complete), pollOptions)
    .toBe(0);
});

test('B85: a streaming page renders at most once a frame, and settled messages keep their identity', async () => {
  const { server, restart } = await startServer();
  const { page } = await openPage(await servePage('test/browser/hooks', server.url));
  const gateway = createTestClient(server.url);
  await send(gateway, { sessionKey: 'hooks', text: '/say first' });
  const { run } = await send(gateway, { sessionKey: 'hooks', text: '/pace 1\n/words 600' });
  await page.waitForFunction(() => 'hooks' in window);
  await page.evaluate(() => {
    window.hooks.mountMessages('hooks');
    window.hooks.countFrames();
  });
  await expect.poll(() => page.locator('p').textContent(), pollOptions).toContain('word-600');
  const { renders, frames, changedSettled } = await page.evaluate(() => window.hooks.counts);
  // The first renders are those of mounting.
  expect(renders).toBeLessThanOrEqual(frames + 4);
  expect(renders).toBeGreaterThan(5);
  expect(changedSettled).toBe(0);
  expect((await runById(gateway, run.id)).state).toBe('DONE');

  // A killed server: the page continues without a reload.
  await restart();
  await send(gateway, { sessionKey: 'hooks', text: '/say after the restart' });
  await expect.poll(() => page.locator('p').textContent(), pollOptions).toContain('| after the restart');
});

test('B97: a tool of the page whose call waits while the page is reloaded gets its result afterwards, once', async () => {
  const { server } = await startServer();
  const gateway = createTestClient(server.url);
  const { page } = await openPage(await servePage('test/browser/hooks', server.url));
  const mount = async () => {
    await page.waitForFunction(() => 'hooks' in window);
    await page.evaluate(() => window.hooks.mountTools());
    await page.getByText('ready').waitFor();
  };
  const openCalls = () => page.evaluate(() => window.hooks.toolCalls.length);
  await mount();
  const runId = await page.evaluate(
    async (text) => (await window.hooks.tape.session('tools').send(text)).id,
    calling(['locate', {}]),
  );
  await expect.poll(openCalls, pollOptions).toBe(1);
  await page.reload();
  await mount();
  await expect.poll(openCalls, pollOptions).toBe(1);
  expect((await runById(gateway, runId)).state).toBe('AWAITING_APPROVAL');
  await page.evaluate(() => window.hooks.toolCalls[0]?.({ city: 'Oslo' }));
  const types = typesOf(await follow(gateway, runId));
  expect(types.filter((type) => type === 'WAIT_SETTLED' || type === 'TOOL_RESULT')).toEqual([
    'WAIT_SETTLED',
    'TOOL_RESULT',
  ]);
  expect((await runById(gateway, runId)).output).toBe('locate: {"city":"Oslo"}');
  expect(await openCalls()).toBe(1);
});

test('a thousand mounted and unmounted hooks leave no memory behind', async () => {
  const { server } = await startServer();
  const { page } = await openPage(await servePage('test/browser/hooks', server.url));
  const { run } = await send(createTestClient(server.url), { sessionKey: 'hooks', text: '/say Hello' });
  await page.waitForFunction(() => 'hooks' in window);
  const session = await page.context().newCDPSession(page);
  const usedBytes = async () => {
    await session.send('HeapProfiler.collectGarbage');
    return (await session.send('Runtime.getHeapUsage')).usedSize;
  };
  const cycle = (times: number) =>
    page.evaluate(
      async ([id, count]) => {
        for (let index = 0; index < Number(count); index += 1) {
          window.hooks.mountRuns(String(id), 10);
          await new Promise((resolve) => setTimeout(resolve, 5));
          window.hooks.clear();
          await new Promise((resolve) => setTimeout(resolve, 0));
        }
      },
      [run.id, times],
    );
  await cycle(20);
  const before = await usedBytes();
  await cycle(100);
  expect((await usedBytes()) - before).toBeLessThan(1_000_000);
  const { subscribe, complete } = await page.evaluate(() => window.hooks.sent);
  expect(subscribe - complete).toBeLessThanOrEqual(0);
});
