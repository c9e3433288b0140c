import { expect, onTestFinished, test } from 'vitest';
import { createTestClient, type TestClient } from '../../client.ts';
import { CancelRunDocument } from '../../generated/graphql.ts';
import { decideNextApproval, type Event, follow, runById, send, typesOf } from '../../integration/conversation.ts';
import { until } from '../../integration/gateway.ts';
import {
  sendEvents,
  startProvider,
  stopChunk,
  textChunk,
  usageChunk,
} from '../../integration/providers/fake-provider.ts';
import { collectRun, withClient } from '../fixtures.ts';
import type { ServerProcess } from '../server-process.ts';
import { type Cluster, startCluster } from './cluster.ts';

/** Far above the polling interval of half a second. The measured time is printed. */
const DELIVERY_SECONDS = 5;

const hasType = (type: Event['type']) => (event: Event) => event.type === type;

interface TwoServers {
  cluster: Cluster;
  executor: ServerProcess;
  other: ServerProcess;
  executorClient: TestClient;
  otherClient: TestClient;
  /** Sends a message to the executor, which starts the run. Returns the run's id. */
  startRun(text: string): Promise<string>;
}

/** A server that executes runs, and another one. The database connections of the other are named `other`. */
async function startTwoServers(environment: Record<string, string>, configuration: unknown = {}): Promise<TwoServers> {
  const cluster = await startCluster({ configuration, environment });
  const named = new URL(cluster.databaseUrl);
  named.searchParams.set('application_name', 'other');
  const [executor, other] = await Promise.all([cluster.start(), cluster.start({ DATABASE_URL: named.href })]);
  const [executorClient, otherClient] = [createTestClient(executor.url), createTestClient(other.url)];
  onTestFinished(async () => {
    await executorClient[Symbol.asyncDispose]();
    await otherClient[Symbol.asyncDispose]();
  });
  const startRun = async (text: string) => (await send(executorClient, { sessionKey: text, text })).run.id;
  return { cluster, executor, other, executorClient, otherClient, startRun };
}

/** Stops both servers and checks what they stored. */
async function stopAndCheck({ cluster, executor, other }: TwoServers): Promise<void> {
  expect(await Promise.all([executor.stop('SIGTERM'), other.stop('SIGTERM')])).toEqual([0, 0]);
  await cluster.assertConsistent();
}

/** A provider that sends the first token of an answer and the rest when the test calls `release`. */
async function startPausingProvider() {
  const waiting: (() => void)[] = [];
  const provider = await startProvider(async (response) => {
    sendEvents(response, textChunk('Well'));
    await new Promise<void>((resolve) => waiting.push(resolve));
    sendEvents(response, stopChunk(), usageChunk, '[DONE]');
    response.end();
  });
  return { ...provider, release: () => waiting.shift()?.() };
}

type PausingProvider = Awaited<ReturnType<typeof startPausingProvider>>;

/** Returns the seconds from the mutation to the end of the provider's request. */
async function checkCancel({ otherClient, startRun }: TwoServers, { requests }: PausingProvider): Promise<number> {
  const runId = await startRun('A long story');
  await follow(otherClient, runId, { isLast: hasType('OUTPUT_DELTA') });
  const start = performance.now();
  await otherClient.send(CancelRunDocument, { input: { runId } });
  await requests.at(-1)?.closed;
  const seconds = (performance.now() - start) / 1000;
  expect(seconds).toBeLessThan(DELIVERY_SECONDS);
  expect((await follow(otherClient, runId)).at(-1)).toMatchObject({ to: 'CANCELLED' });
  return seconds;
}

async function checkSteering(
  { executorClient, otherClient, startRun }: TwoServers,
  { requests, release }: PausingProvider,
): Promise<void> {
  const runId = await startRun('A short story');
  await follow(otherClient, runId, { isLast: hasType('OUTPUT_DELTA') });
  const answer = await send(otherClient, { sessionKey: 'A short story', text: 'And be brief', whenBusy: 'STEER' });
  expect(answer.run.id).toBe(runId);
  const before = requests.length;
  release();
  await until(async () => requests.length > before);
  expect(requests.at(-1)?.body.split('And be brief')).toHaveLength(2);
  await follow(otherClient, runId, { isLast: (event) => event.__typename === 'OutputDeltaEvent' && event.step === 2 });
  release();
  const events = await follow(executorClient, runId);
  expect(events.filter((event) => event.__typename === 'InputEvent' && event.steered)).toHaveLength(1);
  expect(events.at(-1)).toMatchObject({ to: 'DONE' });
}

async function checkDecision({ executorClient, otherClient }: TwoServers): Promise<void> {
  const text = '/call memory_save {"text":"tea"}\n/then\n/say Saved.';
  const { run } = await send(executorClient, { sessionKey: 'approval', text, model: 'scripted' });
  expect((await decideNextApproval(otherClient, run.id, 'ALLOW')).outcome.__typename).toBe('DecideApprovalSuccess');
  const events = await follow(executorClient, run.id);
  expect(typesOf(events).filter((type) => type === 'TOOL_START')).toHaveLength(1);
  expect(await runById(otherClient, run.id)).toMatchObject({ state: 'DONE', output: 'Saved.' });
}

async function checkFollowing({ executorClient, otherClient }: TwoServers): Promise<void> {
  const { run } = await send(executorClient, { sessionKey: 'live', text: '/pace 20\n/words 100', model: 'scripted' });
  const { events, until: received, ended } = collectRun(otherClient, run.id);
  await received(hasType('OUTPUT_DELTA'));
  expect((await runById(executorClient, run.id)).state).toBe('IN_PROGRESS');
  await ended;
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  expect(events.map(({ hash }) => hash)).toEqual((await follow(executorClient, run.id)).map(({ hash }) => hash));
}

test.each([['on'], ['off']])(
  'B15, B25, B36, B46: with RUNTAPE_NOTIFY=%s, changes made on one server reach the other',
  async (notify) => {
    const provider = await startPausingProvider();
    const model = { provider: 'openai-compatible', baseURL: provider.baseURL, model: 'm' };
    const servers = await startTwoServers(
      { RUNTAPE_NOTIFY: notify },
      { defaultModel: 'pausing', models: { pausing: model } },
    );
    await checkSteering(servers, provider);
    const seconds = await checkCancel(servers, provider);
    console.log(`B46: with RUNTAPE_NOTIFY=${notify} cancelling on another server took ${seconds.toFixed(2)} s`);
    await checkDecision(servers);
    await checkFollowing(servers);
    await stopAndCheck(servers);
  },
);

/** Ends the listening connection. It may also end a pooled connection whose last statement sent a notification, which is harmless. */
const TERMINATE_LISTENERS = `
  SELECT count(pg_terminate_backend(pid)) AS "cut" FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'other'
      AND (query ILIKE 'LISTEN%' OR query ILIKE '%pg_notify%')`;

test('B25: a follower receives every event once although its server keeps losing the notification connection', async () => {
  const servers = await startTwoServers({});
  const { cluster, other, executorClient, otherClient, startRun } = servers;
  const runId = await startRun('/pace 20\n/words 200');
  const { events, ended } = collectRun(otherClient, runId);
  let cuts = 0;
  let hasEnded = false;
  void ended.then(() => {
    hasEnded = true;
  });
  await until(
    async () => {
      const [row] = await cluster.query<{ cut: string }>(TERMINATE_LISTENERS);
      cuts += Number(row?.cut);
      return hasEnded;
    },
    'the end of the run',
    60,
  );
  expect(cuts).toBeGreaterThan(0);
  expect(other.output()).toContain('"notifications":"polling"');
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  expect(events.map(({ hash }) => hash)).toEqual((await follow(executorClient, runId)).map(({ hash }) => hash));
  await withClient(other, (client) => follow(client, runId));
  await stopAndCheck(servers);
});
