import { join } from 'node:path';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { expect, onTestFinished } from 'vitest';
import { createTestClient, type TestClient } from '../../client.ts';
import { createServerFolder, type ServerFolder, type ServerProcess } from '../../e2e/server-process.ts';
import { makeFolder } from '../../sqlite-files.ts';

/** A tool of the client. */
export const pickFile = {
  name: 'pick_file',
  description: 'Lets the user pick a file.',
  inputSchema: { type: 'object', properties: { title: { type: 'string' } } },
};

export interface ConsoleServer {
  /** Address of GraphQL over HTTP. */
  url: string;
  client: TestClient;
  /** Address of a page of the console. */
  pageUrl(path: string): string;
}

/**
 * A server of the built program with an empty database, in this process: one of its own would load the program for each test. Closed
 * at the end of the test.
 */
export async function startConsoleServer(configuration: unknown = {}): Promise<ConsoleServer> {
  const folder = await makeFolder();
  const { readConfiguration, createLogger, startGateway } = await loadBuild();
  const variables = { DATABASE_URL: `file:${join(folder, 'runtape.db')}`, PORT: '0', LOG_LEVEL: 'silent' };
  const outcome = readConfiguration(variables, () => JSON.stringify(configuration));
  if (!outcome.ok) throw new Error(outcome.problems.join('\n'));
  const gateway = await startGateway(outcome.configuration, createLogger('silent'), { environment: variables });
  onTestFinished(() => gateway.close(0));
  return consoleServer(gateway.url);
}

/** A server in a process that can be killed. */
export async function startConsoleProcess(): Promise<ConsoleServer & { home: ServerFolder; server: ServerProcess }> {
  const home = await createServerFolder();
  onTestFinished(() => home[Symbol.asyncDispose]());
  const server = await home.start();
  return { ...consoleServer(server.url), home, server };
}

function consoleServer(url: string): ConsoleServer {
  const client = createTestClient(url);
  onTestFinished(() => client[Symbol.asyncDispose]());
  return { url, client, pageUrl: (path) => new URL(path, url).href };
}

async function loadBuild() {
  const load = (name: string) => import(new URL(`../../../dist/${name}.js`, import.meta.url).href);
  const [{ readConfiguration }, { createLogger }, { startGateway }] = await Promise.all([
    load('configuration') as Promise<typeof import('../../../src/config/configuration.ts')>,
    load('logger') as Promise<typeof import('../../../src/logger.ts')>,
    load('gateway') as Promise<typeof import('../../../src/server/gateway.ts')>,
  ]);
  return { readConfiguration, createLogger, startGateway };
}

interface Violation {
  id: string;
  impact: string;
  nodes: { html: string }[];
}

/** Fails for what axe calls serious or critical. */
export async function expectAccessible(page: Page, where: string): Promise<void> {
  // Evaluated in the page by the browser's debugger: the content security policy allows no script of a test.
  if (!(await page.evaluate(`'axe' in window`))) await page.evaluate(axe.source);
  const run = `axe.run({ resultTypes: ['violations'] }).then(({ violations }) => violations)`;
  const violations = (await page.evaluate(run)) as Violation[];
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
