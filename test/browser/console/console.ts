import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { expect, onTestFinished } from 'vitest';
import { createTestClient, type TestClient } from '../../client.ts';
import { createServerFolder, type ServerFolder, type ServerProcess } from '../../e2e/server-process.ts';

/** A tool of the client. */
export const pickFile = {
  name: 'pick_file',
  description: 'Lets the user pick a file.',
  inputSchema: { type: 'object', properties: { title: { type: 'string' } } },
};

export interface ConsoleServer {
  home: ServerFolder;
  server: ServerProcess;
  client: TestClient;
  /** Address of a page of the console. */
  pageUrl(path: string): string;
}

/** A server with an empty database. Killed at the end of the test. */
export async function startConsoleServer(configuration: unknown = {}): Promise<ConsoleServer> {
  const home = await createServerFolder(configuration);
  onTestFinished(() => home[Symbol.asyncDispose]());
  const server = await home.start();
  const client = createTestClient(server.url);
  onTestFinished(() => client[Symbol.asyncDispose]());
  return { home, server, client, pageUrl: (path) => new URL(path, server.url).href };
}

interface Violation {
  id: string;
  impact: string;
  nodes: { html: string }[];
}

/** Fails for what axe calls serious or critical. */
export async function expectAccessible(page: Page, where: string): Promise<void> {
  // Evaluated in the page by the browser's debugger: the content security policy allows no script of a test.
  await page.evaluate(axe.source);
  const violations = (await page.evaluate(`axe.run().then(({ violations }) => violations)`)) as Violation[];
  const severe = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  expect(
    severe.map(({ id, nodes }) => ({ id, where, nodes: nodes.slice(0, 3).map(({ html }) => html.slice(0, 160)) })),
  ).toEqual([]);
}

/** Fails if the page is wider than the window. */
export async function expectNoOverflow(page: Page, where: string): Promise<void> {
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  expect({ where, overflow }).toEqual({ where, overflow: 0 });
}
