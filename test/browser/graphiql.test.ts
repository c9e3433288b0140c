import { expect, onTestFinished, test } from 'vitest';
import { createTestClient } from '../client.ts';
import { createHome } from '../e2e/server-process.ts';
import { FollowRunDocument } from '../generated/graphql.ts';
import { type Event, follow, send } from '../integration/conversation.ts';
import { streamAddress } from '../integration/transport/sse.ts';
import { startCuttingProxy } from './cutting-proxy.ts';
import { execute, newTab, openPage, shownAnswer, takePicture, write } from './explorer.ts';

const waiting = { timeout: 30_000, interval: 50 };

async function startServer() {
  const home = await createHome();
  onTestFinished(() => home[Symbol.asyncDispose]());
  return home.start();
}

const sending = (text: string) => `mutation Send {
sendMessage(input: { sessionKey: "browser", text: ${JSON.stringify(text)} }) {
... on SendMessageSuccess { run { id state } }
}
}`;

const following = `subscription Follow($runId: ID!) {
runEvents(runId: $runId) {
seq type
... on OutputDeltaEvent { text }
... on StatusEvent { to }
... on ApprovalRequestEvent { approval { summary } }
}
}`;

const deciding = `mutation Decide($input: DecideApprovalInput!) {
decideApproval(input: $input) { ... on DecideApprovalSuccess { approval { status decidedBy } } }
}`;

const asking = 'query Ask($id: ID!) { run(id: $id) { state output } }';

type Page = Awaited<ReturnType<typeof openPage>>['page'];

/** What the page comes to show that fits. */
async function shown(page: Page, pattern: RegExp): Promise<string> {
  await expect.poll(() => shownAnswer(page), waiting).toMatch(pattern);
  return pattern.exec(await shownAnswer(page))?.[1] ?? '';
}

test('B59: the explorer sends, follows, asks and decides, and loads nothing from elsewhere', async () => {
  const server = await startServer();
  const { page, complaints } = await openPage(server.url);

  await page.locator('.graphiql-execute-button').waitFor();
  await execute(page);
  await shown(page, /"id": "(run_\w+)"/);
  await takePicture(page, 'first-query');

  await write(page, 'query', sending('/pace 60\n/words 50'));
  await execute(page);
  const runId = await shown(page, /^(?!.*__typename)[\s\S]*"id": "(run_\w+)"/);
  await newTab(page, following, { runId });
  await execute(page);
  const first = await shown(page, /"text": " ?(word-\d+)/);
  await takePicture(page, 'deltas');
  await expect.poll(async () => shown(page, /"text": " ?(word-\d+)/), waiting).not.toBe(first);
  await shown(page, /"to": "(DONE)"/);

  await newTab(page, sending('fetch https://example.com'));
  await execute(page);
  const asked = await shown(page, /"id": "(run_\w+)"/);
  await newTab(page, following, { runId: asked });
  await execute(page);
  await shown(page, /"to": "(AWAITING_APPROVAL)"/);
  await takePicture(page, 'awaiting-approval');
  // The explorer runs one operation at a time: the same button ends a subscription.
  await execute(page);

  await newTab(page, 'query Waiting { approvals(filter: { statuses: [PENDING] }) { nodes { id summary } } }');
  await execute(page);
  const approvalId = await shown(page, /"id": "(apr_\w+)"/);
  await newTab(page, deciding, { input: { approvalId, decision: 'ALLOW' } });
  await execute(page);
  await shown(page, /"status": "(ALLOWED)"/);
  await takePicture(page, 'decided');

  await newTab(page, following, { runId: asked });
  await execute(page);
  await shown(page, /"to": "(DONE)"/);
  await newTab(page, asking, { id: asked });
  await execute(page);
  await shown(page, /"state": "(DONE)"/);
  expect(complaints).toEqual([]);
});

test('B24: a browser whose event stream is cut off comes back by itself and misses nothing', async () => {
  const server = await startServer();
  await using client = createTestClient(server.url);
  const proxy = await startCuttingProxy(server.url);
  const { page } = await openPage(new URL('/livez', proxy.url).href);
  const { run } = await send(client, { sessionKey: 'cut', text: '/pace 40\n/words 120' });
  const seen: Event[] = [];
  await page.exposeFunction('tell', (data: string) => {
    seen.push((JSON.parse(data) as { data: { runEvents: Event } }).data.runEvents);
    if (seen.length === 5 || seen.length === 40) proxy.cut();
  });
  const address = streamAddress(proxy.url, { query: FollowRunDocument.toString(), variables: { runId: run.id } });
  await page.evaluate(readToTheEnd, address);
  expect(seen).toEqual(await follow(client, run.id));
  expect(proxy.connections()).toBeGreaterThanOrEqual(3);
});

/** Runs in the page. */
function readToTheEnd(address: string): Promise<void> {
  return new Promise((resolve) => {
    const source = new EventSource(address);
    source.addEventListener('next', ({ data }) => (globalThis as never as { tell(data: string): void }).tell(data));
    source.addEventListener('complete', () => {
      source.close();
      resolve();
    });
  });
}
