import { describe, expect, onTestFinished, test } from 'vitest';
import { createTestClient, type TestClient } from '../../client.ts';
import { CancelRunDocument } from '../../generated/graphql.ts';
import { answerNext, type Event, follow, runById, send, typesOf } from '../../integration/conversation.ts';
import { until } from '../../integration/gateway.ts';
import { sendEvents, startProvider, textChunk } from '../../integration/providers/fake-provider.ts';
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

describe.each([['on'], ['off']])('with wake-ups %s', (notify) => {
  const environment = { RUNTAPE_NOTIFY: notify };

  test('B46: a cancel at one server stops the request of another one to its provider', async () => {
    const provider = await startProvider((response) => sendEvents(response, textChunk('Well')));
    const model = { provider: 'openai-compatible', baseURL: provider.baseURL, model: 'm' };
    const servers = await two(environment, { defaultModel: 'slow', models: { slow: model } });
    const { far, begin } = servers;
    const runId = await begin('Think about it');
    await follow(far, runId, { enough: isA('OUTPUT_DELTA') });
    const start = performance.now();
    await far.send(CancelRunDocument, { input: { runId } });
    await provider.requests[0]?.closed;
    const seconds = (performance.now() - start) / 1000;
    console.log(`B46: with wake-ups ${notify} a cancel reached another server after ${seconds.toFixed(2)} s`);
    expect(seconds).toBeLessThan(REACHING_SECONDS);
    expect((await follow(far, runId)).at(-1)).toMatchObject({ to: 'CANCELLED' });
    expect(provider.requests).toHaveLength(1);
    await finish(servers);
  });

  test('B15, B36: what is steered and decided at one server reaches the run of another, once', async () => {
    const servers = await two(environment);
    const { near, far, begin } = servers;
    const asking = await begin('/call memory_save {"text":"tea"}\n/then\n/say Saved.');
    const text = '/pace 20\n/words 100\n/call clock {}\n/then\n/history';
    const steered = await begin(text);
    await follow(far, steered, { enough: isA('OUTPUT_DELTA') });
    const answer = await send(far, { sessionKey: text, text: 'And be brief', whenBusy: 'STEER' });
    expect(answer.run.id).toBe(steered);
    expect((await answerNext(far, asking, 'ALLOW')).outcome.__typename).toBe('DecideApprovalSuccess');
    const decided = await follow(near, asking);
    expect(typesOf(decided).filter((type) => type === 'TOOL_START')).toHaveLength(1);
    expect(await runById(far, asking)).toMatchObject({ state: 'DONE', output: 'Saved.' });
    const events = await follow(near, steered);
    expect(events.filter((event) => event.__typename === 'InputEvent' && event.steered)).toHaveLength(1);
    expect(events.at(-1)).toMatchObject({ to: 'DONE' });
    const { output } = await runById(far, steered);
    expect(output?.split('And be brief')).toHaveLength(2);
    await finish(servers);
  });

  test('B25: who follows at another server is shown every event once, in order, while the run goes on', async () => {
    const servers = await two(environment);
    const { near, far, begin } = servers;
    const runId = await begin('/pace 20\n/words 100');
    const seenFar = witness(far, runId);
    const live = await seenFar.until(isA('OUTPUT_DELTA'));
    expect((await runById(near, runId)).state).toBe('IN_PROGRESS');
    await seenFar.over;
    expect(seenFar.seen.map(({ seq }) => seq)).toEqual(seenFar.seen.map((_, index) => index + 1));
    expect(seenFar.seen.map(({ hash }) => hash)).toEqual((await follow(near, runId)).map(({ hash }) => hash));
    expect(live.seq).toBeLessThan(seenFar.seen.length);
    await finish(servers);
  });
});

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
  expect(other.output()).toContain('"wakeUps":"polling"');
  expect(seen.map(({ seq }) => seq)).toEqual(seen.map((_, index) => index + 1));
  expect(seen.map(({ hash }) => hash)).toEqual((await follow(near, runId)).map(({ hash }) => hash));
  await withClient(other, (client) => follow(client, runId));
  await finish(servers);
});
