import { expect, onTestFinished, test } from 'vitest';
import { createTestClient, type TestClient } from '../../client.ts';
import { CancelRunDocument } from '../../generated/graphql.ts';
import { answerNext, type Event, follow, runById, send, typesOf } from '../../integration/conversation.ts';
import { until } from '../../integration/gateway.ts';
import {
  sendEvents,
  startProvider,
  stopChunk,
  textChunk,
  usageChunk,
} from '../../integration/providers/fake-provider.ts';
import { withClient, witness } from '../conversation.ts';
import type { ServerProcess } from '../server-process.ts';
import { type Cluster, createCluster } from './cluster.ts';

/** Far beyond what it takes to look twice a second: what is measured is printed. */
const REACHING_SECONDS = 5;

const isA = (type: Event['type']) => (event: Event) => event.type === type;

interface Two {
  cluster: Cluster;
  executor: ServerProcess;
  other: ServerProcess;
  near: TestClient;
  far: TestClient;
  /** Sends to the executor, and to nobody else before it has begun. */
  begin(text: string): Promise<string>;
}

/** A server that executes, and one that was never asked to; its connections are named. */
async function two(environment: Record<string, string>, configuration: unknown = {}): Promise<Two> {
  const cluster = await createCluster({ configuration, environment });
  onTestFinished(() => cluster[Symbol.asyncDispose]());
  const named = new URL(cluster.databaseUrl);
  named.searchParams.set('application_name', 'other');
  const [executor, other] = await Promise.all([cluster.start(), cluster.start({ DATABASE_URL: named.href })]);
  const [near, far] = [createTestClient(executor.url), createTestClient(other.url)];
  onTestFinished(async () => {
    await near[Symbol.asyncDispose]();
    await far[Symbol.asyncDispose]();
  });
  const begin = async (text: string) => (await send(near, { sessionKey: text, text })).run.id;
  return { cluster, executor, other, near, far, begin };
}

/** Ends the servers and looks at what they left. */
async function finish({ cluster, executor, other }: Two): Promise<void> {
  expect(await Promise.all([executor.end('SIGTERM'), other.end('SIGTERM')])).toEqual([0, 0]);
  await cluster.check();
}

/** A provider that begins to answer and goes on when it is told to. */
async function startPatientProvider() {
  const waiting: (() => void)[] = [];
  const provider = await startProvider(async (response) => {
    sendEvents(response, textChunk('Well'));
    await new Promise<void>((resolve) => waiting.push(resolve));
    sendEvents(response, stopChunk(), usageChunk, '[DONE]');
    response.end();
  });
  return { ...provider, goOn: () => waiting.shift()?.() };
}

type Patient = Awaited<ReturnType<typeof startPatientProvider>>;

async function cancels({ far, begin }: Two, { requests }: Patient): Promise<number> {
  const runId = await begin('A long story');
  await follow(far, runId, { enough: isA('OUTPUT_DELTA') });
  const start = performance.now();
  await far.send(CancelRunDocument, { input: { runId } });
  await requests.at(-1)?.closed;
  const seconds = (performance.now() - start) / 1000;
  expect(seconds).toBeLessThan(REACHING_SECONDS);
  expect((await follow(far, runId)).at(-1)).toMatchObject({ to: 'CANCELLED' });
  return seconds;
}

async function steers({ near, far, begin }: Two, { requests, goOn }: Patient): Promise<void> {
  const runId = await begin('A short story');
  await follow(far, runId, { enough: isA('OUTPUT_DELTA') });
  const answer = await send(far, { sessionKey: 'A short story', text: 'And be brief', whenBusy: 'STEER' });
  expect(answer.run.id).toBe(runId);
  const before = requests.length;
  goOn();
  await until(async () => requests.length > before);
  expect(requests.at(-1)?.body.split('And be brief')).toHaveLength(2);
  await follow(far, runId, { enough: (event) => event.__typename === 'OutputDeltaEvent' && event.step === 2 });
  goOn();
  const events = await follow(near, runId);
  expect(events.filter((event) => event.__typename === 'InputEvent' && event.steered)).toHaveLength(1);
  expect(events.at(-1)).toMatchObject({ to: 'DONE' });
}

async function decides({ near, far }: Two): Promise<void> {
  const text = '/call memory_save {"text":"tea"}\n/then\n/say Saved.';
  const { run } = await send(near, { sessionKey: 'asking', text, model: 'scripted' });
  expect((await answerNext(far, run.id, 'ALLOW')).outcome.__typename).toBe('DecideApprovalSuccess');
  const events = await follow(near, run.id);
  expect(typesOf(events).filter((type) => type === 'TOOL_START')).toHaveLength(1);
  expect(await runById(far, run.id)).toMatchObject({ state: 'DONE', output: 'Saved.' });
}

async function follows({ near, far }: Two): Promise<void> {
  const { run } = await send(near, { sessionKey: 'live', text: '/pace 20\n/words 100', model: 'scripted' });
  const { seen, until: sees, over } = witness(far, run.id);
  await sees(isA('OUTPUT_DELTA'));
  expect((await runById(near, run.id)).state).toBe('IN_PROGRESS');
  await over;
  expect(seen.map(({ seq }) => seq)).toEqual(seen.map((_, index) => index + 1));
  expect(seen.map(({ hash }) => hash)).toEqual((await follow(near, run.id)).map(({ hash }) => hash));
}

test.each([['on'], ['off']])(
  'B15, B25, B36, B46: with wake-ups %s, what happens at one server reaches the other',
  async (notify) => {
    const provider = await startPatientProvider();
    const model = { provider: 'openai-compatible', baseURL: provider.baseURL, model: 'm' };
    const servers = await two({ RUNTAPE_NOTIFY: notify }, { defaultModel: 'patient', models: { patient: model } });
    await steers(servers, provider);
    const seconds = await cancels(servers, provider);
    console.log(`B46: with wake-ups ${notify} a cancel reached another server after ${seconds.toFixed(2)} s`);
    await decides(servers);
    await follows(servers);
    await finish(servers);
  },
);

/** Connections that listen: of a pool's, one that only sent a wake-up is dropped as well, which does no harm. */
const CUT_LISTENERS = `
  SELECT count(pg_terminate_backend(pid)) AS "cut" FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'other'
      AND (query ILIKE 'LISTEN%' OR query ILIKE '%pg_notify%')`;

test('B25: who follows at a server whose wake-ups break off again and again is shown every event once', async () => {
  const servers = await two({});
  const { cluster, other, near, far, begin } = servers;
  const runId = await begin('/pace 20\n/words 200');
  const { seen, over } = witness(far, runId);
  let cuts = 0;
  let ended = false;
  void over.then(() => {
    ended = true;
  });
  await until(async () => {
    const [row] = await cluster.query<{ cut: string }>(CUT_LISTENERS);
    cuts += Number(row?.cut);
    return ended;
  });
  expect(cuts).toBeGreaterThan(0);
  expect(other.output()).toContain('"notifications":"polling"');
  expect(seen.map(({ seq }) => seq)).toEqual(seen.map((_, index) => index + 1));
  expect(seen.map(({ hash }) => hash)).toEqual((await follow(near, runId)).map(({ hash }) => hash));
  await withClient(other, (client) => follow(client, runId));
  await finish(servers);
});
