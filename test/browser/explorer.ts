import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import { onTestFinished } from 'vitest';

const executablePath = process.env.RUNTAPE_CHROMIUM ?? '/usr/bin/chromium';
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const screenshots = process.env.RUNTAPE_SCREENSHOTS ?? tmpdir();

export interface Watched {
  page: Page;
  /** Requests to other hosts, and what the page complained of. */
  complaints: string[];
}

/** A page in a browser that nobody has used before. Closed at the end of the test. */
export async function openPage(url: string): Promise<Watched> {
  const profile = await mkdtemp(join(tmpdir(), 'runtape-browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    args: flags,
    headless: true,
    viewport: { width: 1440, height: 900 },
  });
  onTestFinished(async () => {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  });
  const page = context.pages()[0] ?? (await context.newPage());
  const complaints: string[] = [];
  const { host, origin } = new URL(url);
  page.on('request', (request) => {
    const isOwn = request.url().startsWith(`${origin}/`) || /^(blob|data):/.test(request.url());
    if (!isOwn) complaints.push(`request to ${request.url()}`);
  });
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`page: ${error.message}`));
  page.on('websocket', (socket) => {
    if (new URL(socket.url()).host !== host) complaints.push(`socket to ${socket.url()}`);
  });
  await page.goto(url);
  return { page, complaints };
}

/** Puts a text in the place of what an editor holds. */
export async function write(page: Page, editor: 'query' | 'variables', text: string): Promise<void> {
  const area = page.locator(editor === 'query' ? '.graphiql-query-editor' : '.graphiql-editor-tool').first();
  await area.locator('.view-lines').first().click();
  await page.keyboard.press('Control+A');
  // Typed, it would be completed by the editor, bracket by bracket.
  await page.evaluate((pasted) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData('text/plain', pasted);
    const paste = new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true });
    document.activeElement?.dispatchEvent(paste);
  }, text);
}

/** A tab with a named operation in it, ready to be executed. */
export async function newTab(page: Page, query: string, variables?: unknown): Promise<void> {
  await page.getByRole('button', { name: 'New tab' }).click();
  await write(page, 'query', query);
  // The explorer looks at what was written a moment later, and then names the tab after it.
  const name = /^\w+ (\w+)/.exec(query)?.[1] ?? '';
  await page.locator('.graphiql-tab-active', { hasText: name }).waitFor();
  if (variables !== undefined) await write(page, 'variables', JSON.stringify(variables));
}

export async function execute(page: Page): Promise<void> {
  await page.locator('.graphiql-execute-button').click();
}

/** The answer as the page shows it; long ones are drawn as far as they can be seen. */
export async function shownAnswer(page: Page): Promise<string> {
  const lines = await page.locator('.result-window .view-line').allInnerTexts();
  return lines.join('\n').replaceAll('\u00a0', ' ');
}

export async function takePicture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(screenshots, `runtape-${name}.png`) });
}
