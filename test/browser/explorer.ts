import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { onTestFinished } from 'vitest';
import { findBrowser } from './find-browser.ts';

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const screenshotFolder = process.env.RUNTAPE_SCREENSHOTS ?? tmpdir();

export interface MonitoredPage {
  page: Page;
  /** Requests to other hosts, and errors and warnings of the page. */
  problems: string[];
}

let browser: Promise<Browser> | null = null;

/** Starting a browser takes more CPU time than most tests. It ends with this process. */
async function launchBrowser(): Promise<Browser> {
  const { executablePath, flags: ownFlags } = await findBrowser();
  // A browser of a single process ends with its first context.
  const args = [...ownFlags.filter((flag) => flag !== '--single-process'), ...flags];
  return chromium.launch({ executablePath, args, headless: true });
}

/** Opens a page in a browser context of its own, which shares nothing with others. Closed at the end of the test. */
export async function openPage(url: string, viewport = { width: 1440, height: 900 }): Promise<MonitoredPage> {
  browser ??= launchBrowser();
  // The locale of the system can be one that no page expects, such as "en-US@posix".
  const context = await (await browser).newContext({ locale: 'en-US', viewport });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const problems: string[] = [];
  const { host, origin } = new URL(url);
  page.on('request', (request) => {
    const isOwn = request.url().startsWith(`${origin}/`) || /^(blob|data):/.test(request.url());
    if (!isOwn) problems.push(`request to ${request.url()}`);
  });
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') problems.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => problems.push(`page: ${error.message}`));
  page.on('websocket', (socket) => {
    if (new URL(socket.url()).host !== host) problems.push(`socket to ${socket.url()}`);
  });
  await page.goto(url);
  return { page, problems };
}

/** Replaces the content of an editor. */
export async function setEditorText(page: Page, editor: 'query' | 'variables', text: string): Promise<void> {
  const area = page.locator(editor === 'query' ? '.graphiql-query-editor' : '.graphiql-editor-tool').first();
  await area.locator('.view-lines').first().click();
  await page.keyboard.press('Control+A');
  // Pasted, because the editor adds closing brackets to typed text.
  await page.evaluate((pasted) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData('text/plain', pasted);
    const paste = new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true });
    document.activeElement?.dispatchEvent(paste);
  }, text);
}

/** Opens a tab with a named operation, ready to be executed. */
export async function openTab(page: Page, query: string, variables?: unknown): Promise<void> {
  await page.getByRole('button', { name: 'New tab' }).click();
  await setEditorText(page, 'query', query);
  // The explorer parses the text after a short delay, and then names the tab after the operation.
  const name = /^\w+ (\w+)/.exec(query)?.[1] ?? '';
  await page.locator('.graphiql-tab-active', { hasText: name }).waitFor();
  if (variables !== undefined) await setEditorText(page, 'variables', JSON.stringify(variables));
}

export async function execute(page: Page): Promise<void> {
  await page.locator('.graphiql-execute-button').click();
}

/** The visible part of the result. */
export async function visibleResult(page: Page): Promise<string> {
  const lines = await page.locator('.result-window .view-line').allInnerTexts();
  return lines.join('\n').replaceAll('\u00a0', ' ');
}

export async function takeScreenshot(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(screenshotFolder, `runtape-${name}.png`) });
}
