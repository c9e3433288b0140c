import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject, onTestFinished } from 'vitest';
import { readConfiguration } from '../../src/config/configuration.ts';
import { createLogger } from '../../src/logger.ts';
import { type Gateway, type Overrides, startGateway } from '../../src/server/gateway.ts';
import { createTestClient, type TestClient } from '../client.ts';
import { createTestDatabase } from '../postgres/test-database.ts';
import { assertRowsAreFolds } from '../projection-consistency.ts';

interface TestGatewayOptions extends Overrides {
  /** The configuration file. */
  file?: Record<string, unknown>;
  environment?: Record<string, string>;
}

export interface TestGateway {
  gateway: Gateway;
  url: string;
  /** A client of the default principal, or of another one. */
  client: TestClient;
  clientOf(principal: string): TestClient;
  /** Stops the server and starts another one on the same database. */
  restart(options?: TestGatewayOptions): Promise<TestGateway>;
  /** Another server on the same database, which must be one that servers share. */
  beside(options?: TestGatewayOptions): Promise<TestGateway>;
}

/** The scripted model without pauses: tapes are the same every time. */
const quick = { models: { scripted: { provider: 'scripted', paceMilliseconds: 0 } } };

/** A real server on a free port with a database of its own; it is checked and closed at the end of the test. */
export async function startTestGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  return startOn(await newDatabase(), options);
}

/** The URL of a database that is gone when the test ends. */
async function newDatabase(): Promise<string> {
  if (inject('store') === 'postgresql') return createTestDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'runtape-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'runtape.db');
  await copyFile(inject('template'), path);
  return `file:${path}`;
}

async function startOn(databaseUrl: string, options: TestGatewayOptions): Promise<TestGateway> {
  const { file, environment, ...overrides } = options;
  const variables = {
    DATABASE_URL: databaseUrl,
    PORT: '0',
    LOG_LEVEL: 'silent',
    ...environment,
  };
  const outcome = readConfiguration(variables, () => JSON.stringify({ ...quick, ...file }));
  if (!outcome.ok) throw new Error(outcome.problems.join('\n'));
  const authenticate: Overrides['authenticate'] = ({ headers, connectionParams }) => ({
    principal: String(connectionParams['x-principal'] ?? headers['x-principal'] ?? 'ada'),
    scopes: ['read', 'write', 'approve', 'admin'],
  });
  const logger = createLogger(outcome.configuration.logLevel);
  const gateway = await startGateway(outcome.configuration, logger, {
    authenticate,
    environment: variables,
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
  // A test may close it; its store can not be looked at from then on.
  gateway.close = (graceSeconds) => {
    closed = true;
    return close(graceSeconds);
  };
  const stop = async () => {
    if (stopped) return;
    stopped = true;
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
    if (closed) return;
    await untilQuiet(gateway);
    await assertRowsAreFolds(gateway);
    await gateway.close(0);
  };
  onTestFinished(stop);
  return {
    gateway,
    url: gateway.url,
    client: clientOf('ada'),
    clientOf,
    beside: (other = options) => startOn(databaseUrl, other),
    async restart(again = options) {
      await stop();
      return startOn(databaseUrl, again);
    },
  };
}

/** Waits until nothing follows a tape any more: a follower that stays behind is a leak. */
async function untilQuiet({ parts }: Gateway): Promise<void> {
  const own = parts.orchestrator.activeCount() + 1;
  for (let tries = 0; parts.notifications.listeners() > parts.orchestrator.activeCount() + 1; tries += 1) {
    if (tries > 200) throw new Error(`${parts.notifications.listeners() - own} followers were left behind.`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Waits for a condition that somebody else makes true. */
export async function until<T>(question: () => Promise<T | null | undefined | false>): Promise<T> {
  for (;;) {
    const answer = await question();
    if (answer) return answer;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
