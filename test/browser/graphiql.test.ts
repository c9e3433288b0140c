import { expect, onTestFinished, test } from 'vitest';
import { createTestClient } from '../client.ts';
import { createServerFolder } from '../e2e/server-process.ts';
import { FollowRunDocument } from '../generated/graphql.ts';
import { type Event, follow, send } from '../integration/conversation.ts';
import { streamAddress } from '../integration/transport/sse.ts';
import { startCuttingProxy } from './cutting-proxy.ts';
import { execute, openPage, openTab, setEditorText, takeScreenshot, visibleResult } from './explorer.ts';

const pollOptions = { timeout: 30_000, interval: 50 };

async function startServer() {
  const home = await createServerFolder();
  onTestFinished(() => home[Symbol.asyncDispose]());
  return home.start();
}

const sendMutation = (text: string) => `mutation Send {
sendMessage(input: { sessionKey: "browser", text: ${JSON.stringify(text)} }) {
... on SendMessageSuccess { run { id state } }
}
}`;

const followSubscription = `subscription Follow($runId: ID!) {
runEvents(runId: $runId) {
seq type
... on OutputDeltaEvent { text }
... on StatusEvent { to }
... on ApprovalRequestEvent { approval { id summary } }
}
}`;

const decideMutation = `mutation Decide($input: DecideApprovalInput!) {
decideApproval(input: $input) { ... on DecideApprovalSuccess { approval { status decidedBy } } }
}`;

const runQuery = 'query ShowRun($id: ID!) { run(id: $id) { state output } }';

type Page = Awaited<ReturnType<typeof openPage>>['page'];

/** Waits until the result matches the pattern, and returns its first group. */
async function waitForResult(page: Page, pattern: RegExp): Promise<string> {
  await expect.poll(() => visibleResult(page), pollOptions).toMatch(pattern);
  return pattern.exec(await visibleResult(page))?.[1] ?? '';
}

test('B59: the explorer sends, follows, queries and decides, and loads nothing from other hosts', async () => {
  const server = await startServer();
  const { page, problems } = await openPage(server.url);

  await page.locator('.graphiql-execute-button').waitFor();
  await execute(page);
  await waitForResult(page, /"id": "(run_\w+)"/);
  await takeScreenshot(page, 'first-query');

  await setEditorText(page, 'query', sendMutation('/pace 60\n/words 50'));
  await execute(page);
  const runId = await waitForResult(page, /^(?!.*__typename)[\s\S]*"id": "(run_\w+)"/);
  await openTab(page, followSubscription, { runId });
  await execute(page);
  const firstWord = await waitForResult(page, /"text": " ?(word-\d+)/);
  await takeScreenshot(page, 'deltas');
  await expect.poll(async () => waitForResult(page, /"text": " ?(word-\d+)/), pollOptions).not.toBe(firstWord);
  await waitForResult(page, /"to": "(DONE)"/);

  await openTab(page, sendMutation('fetch https://example.com'));
  await execute(page);
  const waitingRunId = await waitForResult(page, /"id": "(run_\w+)"/);
  await openTab(page, followSubscription, { runId: waitingRunId });
  await execute(page);
  await waitForResult(page, /"to": "(AWAITING_APPROVAL)"/);
  // The list has the events before it as well.
  const approvalId = await waitForResult(page, /"id": "(apr_\w+)"/);
  await takeScreenshot(page, 'awaiting-approval');
  // The explorer executes one operation at a time; the same button ends a subscription.
  await execute(page);

  await openTab(page, decideMutation, { input: { approvalId, decision: 'ALLOW' } });
  await execute(page);
  await waitForResult(page, /"status": "(ALLOWED)"/);
  await takeScreenshot(page, 'decided');

  await openTab(page, followSubscription, { runId: waitingRunId });
  await execute(page);
  await waitForResult(page, /"to": "(DONE)"/);
  await openTab(page, runQuery, { id: waitingRunId });
  await execute(page);
  await waitForResult(page, /"state": "(DONE)"/);
  expect(problems).toEqual([]);
});

test('the explorer has our mark, keeps a history, and is usable on a narrow screen', async () => {
  const server = await startServer();
  const { page, problems } = await openPage(server.url, { width: 390, height: 844 });
  await page.locator('.graphiql-execute-button').waitFor();
  const icon = await page.locator('link[rel="icon"]').getAttribute('href');
  expect(Buffer.from(icon?.split(',')[1] ?? '', 'base64').toString()).toContain('<svg');
  expect(await page.locator('.graphiql-logo').innerText()).toBe('Runtape');
  expect(await page.locator('.graphiql-logo svg').count()).toBe(1);

  await execute(page);
  // Long lines are wrapped.
  await waitForResult(page, /"(SendMessageSuccess)"/);
  await page.getByRole('button', { name: 'Show History' }).click();
  await page.locator('.graphiql-history').getByText('Send').first().waitFor();
  const overflow = () => document.documentElement.scrollWidth - document.documentElement.clientWidth;
  expect(await page.evaluate(overflow)).toBe(0);
  for (const name of [
    '.graphiql-execute-button',
    '.graphiql-query-editor',
    '.graphiql-editor-tool',
    '.result-window',
  ]) {
    const pane = page.locator(name).first();
    await pane.scrollIntoViewIfNeeded();
    const box = await pane.boundingBox();
    expect({ name, left: (box?.x ?? -1) >= 0, right: (box?.x ?? 0) + (box?.width ?? 999) <= 390 }).toEqual({
      name,
      left: true,
      right: true,
    });
    if (name !== '.graphiql-execute-button') expect(box?.width).toBeGreaterThan(250);
  }
  await takeScreenshot(page, 'narrow');
  expect(problems).toEqual([]);
});

test('B24: an EventSource whose connections are reset reconnects by itself and misses no event', async () => {
  const server = await startServer();
  await using client = createTestClient(server.url);
  const proxy = await startCuttingProxy(server.url);
  const { page } = await openPage(new URL('/livez', proxy.url).href);
  const { run } = await send(client, { sessionKey: 'cut', text: '/pace 40\n/words 120' });
  const received: Event[] = [];
  await page.exposeFunction('receive', (data: string) => {
    received.push((JSON.parse(data) as { data: { runEvents: Event } }).data.runEvents);
    if (received.length === 5 || received.length === 40) proxy.cut();
  });
  const address = streamAddress(proxy.url, { query: FollowRunDocument.toString(), variables: { runId: run.id } });
  await page.evaluate(readToEnd, address);
  expect(received).toEqual(await follow(client, run.id));
  expect(proxy.connections()).toBeGreaterThanOrEqual(3);
});

/** Runs in the page. */
function readToEnd(address: string): Promise<void> {
  return new Promise((resolve) => {
    const source = new EventSource(address);
    source.addEventListener('next', ({ data }) =>
      (globalThis as never as { receive(data: string): void }).receive(data),
    );
    source.addEventListener('complete', () => {
      source.close();
      resolve();
    });
  });
}
