import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Page, Route } from 'playwright-core';
import { expect, test } from 'vitest';
import type { TestClient } from '../../client.ts';
import { WaitsDocument } from '../../generated/graphql.ts';
import { converse, type Event, follow, send } from '../../integration/conversation.ts';
import { calling } from '../../integration/counted-tool.ts';
import { poll } from '../../until.ts';
import { openPage } from '../explorer.ts';
import { expectAccessible, expectNoOverflow, pickFile, startConsoleProcess, startConsoleServer } from './console.ts';

const pollOptions = { timeout: 30_000, interval: 50 };
const isRequest = ({ type }: Event) => type === 'APPROVAL_REQUEST';

const question = {
  prompt: 'What do you order?',
  schema: {
    type: 'object',
    properties: {
      name: { type: 'string', description: 'As on the invoice' },
      size: { enum: ['small', 'large'] },
      extras: { type: 'array', items: { enum: ['gift', 'insured'] } },
      tags: { type: 'array', items: { type: 'string' } },
      express: { type: 'boolean' },
      when: { type: 'string', format: 'date' },
    },
    required: ['name'],
  },
};

/** A store in which every screen has something to show. Returns their addresses. */
async function fill(client: TestClient): Promise<Record<string, string>> {
  const first = await converse(client, { sessionKey: 'notes', text: 'what time is it' });
  const second = await converse(client, { sessionKey: 'notes', text: '/words 30' });
  const { run, session } = await send(client, {
    sessionKey: 'fetch',
    text: 'fetch https://example.com/a/long/path?with=a&query',
  });
  await follow(client, run.id, { isLast: isRequest });
  const asked = await send(client, { sessionKey: 'asked', text: calling(['ask_person', question]) });
  await send(client, { sessionKey: 'picked', text: calling(['pick_file', {}]), clientTools: [pickFile] });
  const waits = await poll(async () => {
    const { edges } = (await client.send(WaitsDocument, { filter: { states: ['OPEN'] } })).waits;
    return edges.length === 3 && edges;
  });
  const idOf = (kind: string) => waits.find(({ node }) => node.kind === kind)?.node.id;
  return {
    waiting: `/waiting/${idOf('APPROVAL')}`,
    question: `/waiting/${idOf('QUESTION')}`,
    'client tool': `/waiting/${idOf('CLIENT_TOOL')}`,
    asked: `/sessions/${asked.session.id}`,
    sessions: '/sessions',
    search: '/sessions?q=time',
    session: `/sessions/${session.id}?tape=last`,
    branches: `/sessions/${session.id}/branches`,
    run: `/runs/${first.runId}?seq=7`,
    compare: `/compare?a=${first.runId}&b=${second.runId}`,
    usage: '/usage',
    agents: '/agents?agent=new',
    models: '/gateway',
    tools: '/gateway?tab=tools',
    policy: '/gateway?tab=policy',
    memories: '/gateway?tab=memories',
    limits: '/gateway?tab=limits',
  };
}

async function visit(page: Page, pageUrl: (path: string) => string, screens: Record<string, string>, look: string) {
  for (const [name, path] of Object.entries(screens)) {
    await page.goto(pageUrl(path));
    await page.locator('.screen-header').waitFor();
    await expect.poll(() => page.locator('.skeleton').count(), pollOptions).toBe(0);
    await expectAccessible(page, `${name}, ${look}`);
    await expectNoOverflow(page, `${name}, ${look}`);
    const size = page.viewportSize();
    if (size === null) throw new Error('The page has no size.');
    await page.setViewportSize({ width: 800, height: size.height });
    await expectNoOverflow(page, `${name} at 800`);
    await page.setViewportSize(size);
  }
}

test.each([
  ['light', 1440, 900],
  ['dark', 390, 844],
] as const)('B87: every screen is accessible and fits, %s at %i', async (colorScheme, width, height) => {
  const { client, pageUrl } = await startConsoleServer({ askPerson: true });
  const screens = await fill(client);
  const { page, problems } = await openPage(pageUrl('/'), { width, height });
  await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
  await visit(page, pageUrl, screens, `${colorScheme} at ${width}`);
  expect(problems).toEqual([]);
});

/** Requests of the page for what a screen shows; what the frame shows is answered. */
const isOfScreen = (route: Route) => !/query (Viewer|Waits)\b/.test(route.request().postData() ?? '');

test('B87: while it loads and after an error every screen keeps its frame, and says so', async () => {
  const { client, pageUrl } = await startConsoleServer({ askPerson: true });
  const screens = await fill(client);
  const { page } = await openPage(pageUrl('/'), { width: 390, height: 844 });
  const failure = { message: 'An internal error happened', extensions: { code: 'INTERNAL_SERVER_ERROR' } };
  const fail = (route: Route) => route.fulfill({ contentType: 'application/json', json: { errors: [failure] } });
  let isFailing = false;
  let unanswered: Route[] = [];
  await page.route('**/graphql', async (route) => {
    if (!isOfScreen(route)) return route.continue();
    if (isFailing) return fail(route);
    unanswered.push(route);
  });
  // The parts of the gateway's screen have one query.
  const { tools, policy, memories, limits, ...others } = screens;
  for (const [name, path] of Object.entries(others)) {
    isFailing = false;
    await page.goto(pageUrl(path));
    await page.locator('.skeleton').first().waitFor();
    await expectAccessible(page, `${name}, loading`);
    await expectNoOverflow(page, `${name}, loading`);
    isFailing = true;
    await Promise.all(unanswered.map(fail));
    unanswered = [];
    await page.getByRole('alert').getByText('The log of the gateway says more').first().waitFor();
    await expectAccessible(page, `${name}, after an error`);
    await expectNoOverflow(page, `${name}, after an error`);
  }
});

test('B87: empty screens say what to do, and what is not there is not an error of the page', async () => {
  const { pageUrl } = await startConsoleServer();
  const { page, problems } = await openPage(pageUrl('/'));
  await page.getByText('No sessions yet').waitFor();
  for (const [path, text] of [
    ['/waiting', 'Nothing waits for you'],
    ['/agents', 'No agents yet'],
    ['/compare', 'Choose two runs'],
    ['/runs/run_01ARZ3NDEKTSV4RRFFQ69G5FAV', 'This run is not there'],
    ['/sessions/ses_01ARZ3NDEKTSV4RRFFQ69G5FAV', 'This session is not there'],
    ['/waiting/apr_01ARZ3NDEKTSV4RRFFQ69G5FAV', 'This wait is not there'],
    ['/no/such/page', 'This address leads nowhere'],
  ] as const) {
    await page.goto(pageUrl(path));
    await page.getByText(text).waitFor();
    await expectAccessible(page, path);
  }
  expect(problems).toEqual([]);
});

test('B87: usage of several days has a chart, and a screen whose program does not load says what to do', async () => {
  const { pageUrl } = await startConsoleServer();
  const { page, problems } = await openPage(pageUrl('/'), { width: 390, height: 844 });
  const none = { model: null, agent: null, session: null, cost: null, estimated: true };
  const rows = ['2026-11-02', '2026-11-01'].map((day) => ({
    node: { ...none, day: `${day}T00:00:00.000Z`, runs: 2, inputTokens: 90_000, outputTokens: 1_000 },
  }));
  const json = { data: { usageReport: { edges: rows, pageInfo: { hasNextPage: false } } } };
  await page.route('**/graphql', (route) =>
    route.request().postData()?.includes('usageReport') ? route.fulfill({ json }) : route.continue(),
  );
  await page.goto(pageUrl('/usage'));
  await page.locator('.chart canvas').waitFor();
  await page.getByRole('rowheader', { name: '2026-11-02' }).waitFor();
  await expectAccessible(page, 'a chart');
  await expectNoOverflow(page, 'a chart');
  expect(problems).toEqual([]);
  await page.route('**/assets/gateway-screen*', (route) => route.abort());
  await page.goto(pageUrl('/gateway'));
  await page.getByRole('button', { name: 'Reload the page' }).waitFor();
  await expectAccessible(page, 'a screen that does not load');
});

test('B93: text of models, tools and users stays text and cannot imitate the console', async () => {
  const { client, pageUrl } = await startConsoleServer();
  const hostile = [
    '<img src=x onerror="document.title=1">',
    '<script>document.title=1</script>',
    '[Allow once](javascript:document.title=1)',
    '![x](https://evil.example/x.png)',
    'moc\u202egpj.exe pay\u200bpal',
  ].join(' ');
  const { session } = await send(client, { sessionKey: 'hostile', text: hostile });
  const asked = await send(client, { sessionKey: 'asked', text: `remember that ${hostile}` });
  await follow(client, asked.run.id, { isLast: isRequest });
  const { page, problems } = await openPage(pageUrl(`/sessions/${session.id}`));
  const conversation = page.getByRole('log', { name: 'Conversation' });
  await conversation.locator('.run-footer').getByText('Done').last().waitFor();
  const text = await conversation.innerText();
  expect(text).toContain('<script>document.title=1</script>');
  expect(text).toContain('⟦U+202E⟧');
  expect(text).not.toContain('\u202e');
  expect(await page.locator('main img, main script, a[href^="javascript:"]').count()).toBe(0);
  await page.goto(pageUrl('/waiting'));
  await page.getByRole('region', { name: 'What will happen' }).waitFor();
  expect(await page.locator('main').innerText()).toContain('pay⟦U+200B⟧pal');
  expect(await page.locator('main img, main script, a[href^="javascript:"]').count()).toBe(0);
  const detail = page.getByRole('region', { name: 'What will happen' });
  expect(await detail.getByRole('button', { name: 'Allow once' }).count()).toBe(1);
  expect(await page.title()).toBe('Waiting for you · Runtape');
  expect(problems).toEqual([]);
});

test('Enter opens the selected session, and belongs to what has the focus', async () => {
  const { client, pageUrl } = await startConsoleServer();
  await converse(client, { sessionKey: 'older', text: 'Hello older' });
  await converse(client, { sessionKey: 'newer', text: 'Hello newer' });
  const { page, problems } = await openPage(pageUrl('/sessions'));
  await page.getByRole('link', { name: 'Hello newer' }).waitFor();
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Hello older' }).waitFor();
  await page.goto(pageUrl('/sessions'));
  await page.getByRole('button', { name: 'New session' }).press('Enter');
  await page.getByRole('dialog', { name: 'New session' }).waitFor();
  expect(problems).toEqual([]);
});

test('B87: a lost server is shown as offline, and the page stays', async () => {
  const { client, server, pageUrl } = await startConsoleProcess();
  await converse(client, { sessionKey: 'a', text: '/words 3' });
  const { page } = await openPage(pageUrl('/sessions'));
  await page.getByText('/words 3').waitFor();
  await server.stop('SIGKILL');
  await page.getByText(/^offline/).waitFor();
  expect(await page.getByText('/words 3').count()).toBe(1);
  await expectAccessible(page, 'offline');
});

const built = new URL('../../../console/dist/', import.meta.url).pathname;
const FIRST_SCREEN_BYTES = 250 * 1024;

interface Chunk {
  file: string;
  imports?: string[];
  css?: string[];
}

test('the first screen loads at most 250 kB, compressed', () => {
  expect(existsSync(built)).toBe(true);
  const manifest = JSON.parse(readFileSync(join(built, 'manifest.json'), 'utf8')) as Record<string, Chunk>;
  const files = new Set<string>();
  const add = (name: string) => {
    const chunk = manifest[name];
    if (!chunk || files.has(chunk.file)) return;
    for (const file of [chunk.file, ...(chunk.css ?? [])]) files.add(file);
    for (const each of chunk.imports ?? []) add(each);
  };
  for (const name of ['index.html', 'src/waiting/waiting-screen.tsx', 'src/sessions/sessions-screen.tsx']) add(name);
  const bytes = [...files].reduce((sum, file) => sum + gzipSync(readFileSync(join(built, file))).length, 0);
  expect(bytes).toBeGreaterThan(50 * 1024);
  expect(bytes).toBeLessThan(FIRST_SCREEN_BYTES);
});
