import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject, onTestFinished } from 'vitest';
import { readConfiguration } from '../../src/config/configuration.ts';
import { createLogger } from '../../src/logger.ts';
import { type Gateway, type Overrides, startGateway } from '../../src/server/gateway.ts';
import { createTestClient, type TestClient } from '../client.ts';
import { createTestDatabase } from '../postgres/test-database.ts';
import { assertRowsAreFolds } from '../projection-consistency.ts';
import { copyTemplate } from '../sqlite-files.ts';
import { poll } from '../until.ts';

interface TestGatewayOptions extends Overrides {
  /** The contents of the configuration file. */
  file?: Record<string, unknown>;
  environment?: Record<string, string>;
}

export interface TestGateway {
  gateway: Gateway;
  url: string;
  /** A client of the default principal, `ada`. */
  client: TestClient;
  /** A client of another principal. */
  clientOf(principal: string): TestClient;
  /** Reloads the configuration, from a file with these contents, or else with those of the start. */
  reload(file?: Record<string, unknown>): ReturnType<Gateway['reload']>;
  /** Stops the server and starts a new one on the same database, with the same options unless others are given. */
  restart(options?: TestGatewayOptions): Promise<TestGateway>;
  /** Starts a second server on the same database, which must be Postgres. */
  startSecondServer(options?: TestGatewayOptions): Promise<TestGateway>;
}

/** The scripted model without pauses: its tapes are always the same. */
const unpaced = { models: { scripted: { provider: 'scripted', paceMilliseconds: 0 } } };

/**
 * Starts a real server on a free port with its own database. At the end of the test its rows are compared with its tapes,
 * and it is closed.
 * @param databaseUrl of an existing database that is used instead
 */
export async function startTestGateway(options: TestGatewayOptions = {}, databaseUrl?: string): Promise<TestGateway> {
  return startOn(databaseUrl ?? (await createDatabase()), options);
}

/** The URL of a new database that is deleted at the end of the test. */
async function createDatabase(): Promise<string> {
  if (inject('store') === 'postgresql') return createTestDatabase();
  return `file:${await copyTemplate()}`;
}

/** Without a database file there is no folder of the test that could hold attachments. */
function attachmentsFor(databaseUrl: string): Record<string, unknown> {
  if (databaseUrl.startsWith('file:')) return {};
  const folder = join(tmpdir(), `runtape-attachments-${process.pid}`);
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return { attachments: { folder } };
}

async function startOn(databaseUrl: string, options: TestGatewayOptions): Promise<TestGateway> {
  const { file, environment, ...overrides } = options;
  const variables = {
    DATABASE_URL: databaseUrl,
    PORT: '0',
    LOG_LEVEL: 'silent',
    ...environment,
  };
  const defaults = { ...unpaced, ...attachmentsFor(databaseUrl) };
  const configurationOf = (contents: Record<string, unknown> = {}) => {
    const outcome = readConfiguration(variables, () => JSON.stringify({ ...defaults, ...contents }));
    if (!outcome.ok) throw new Error(outcome.problems.join('\n'));
    return outcome.configuration;
  };
  const configuration = configurationOf(file);
  const authenticate: Overrides['authenticate'] = ({ headers, connectionParams }) => ({
    principal: String(connectionParams['x-principal'] ?? headers['x-principal'] ?? 'ada'),
    scopes: ['read', 'write', 'approve', 'admin'],
  });
  const gateway = await startGateway(configuration, createLogger(configuration.logLevel), {
    authenticate,
    environment: variables,
    consoleFolder: null,
    ...overrides,
  });
  const clients: TestClient[] = [];
  const clientOf = (principal: string) => {
    const client = createTestClient(gateway.url, { 'x-principal': principal });
    clients.push(client);
    return client;
  };
  let stopped = false;
  let closed = false;
  const { close } = gateway;
  // A test may close the gateway itself; its rows cannot be checked any more then.
  gateway.close = (graceSeconds) => {
    closed = true;
    return close(graceSeconds);
  };
  const stop = async () => {
    if (stopped) return;
    stopped = true;
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
    if (closed) return;
    await untilFollowersEnd(gateway);
    await assertRowsAreFolds(gateway);
    await gateway.close(0);
  };
  onTestFinished(stop);
  return {
    gateway,
    url: gateway.url,
    client: clientOf('ada'),
    clientOf,
    reload: (contents = file) => gateway.reload(configurationOf(contents)),
    startSecondServer: (otherOptions = options) => startOn(databaseUrl, otherOptions),
    async restart(newOptions = options) {
      await stop();
      return startOn(databaseUrl, newOptions);
    },
  };
}

/** Waits until no client follows a tape. A follower that does not end is a leak. */
async function untilFollowersEnd({ parts }: Gateway): Promise<void> {
  // The orchestrator listens once, and once for each active run.
  const followers = () => parts.notifications.listeners() - parts.orchestrator.activeCount() - 1;
  await poll(() => followers() <= 0, { description: 'the end of all followers' });
}

/**
 * Polls until the result is truthy, and returns it. Rejects after the deadline, and when the test ends.
 * @param description for the message, where the source of `condition` would not tell what is missing
 */
export function until<T>(
  condition: () => T | Promise<T>,
  description?: string,
  seconds?: number,
): ReturnType<typeof poll<T>> {
  const ended = new Promise<void>((resolve) => onTestFinished(() => resolve()));
  return poll(condition, { description, seconds, ended });
}
