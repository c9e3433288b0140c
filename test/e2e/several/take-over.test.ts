import { expect, onTestFinished, test } from 'vitest';
import { createTestClient, type TestClient } from '../../client.ts';
import { answerNext, converse, type Event, follow, runById, send, typesOf } from '../../integration/conversation.ts';
import { until } from '../../integration/gateway.ts';
import { type BreakingProxy, startBreakingProxy } from '../../postgres/breaking-proxy.ts';
import { witness } from '../conversation.ts';
import type { ServerProcess } from '../server-process.ts';
import { countingServer, createCluster } from './cluster.ts';

const LEASE_SECONDS = 2;
/** Far beyond what is promised, a lease time and a moment: what is measured is printed. */
const TAKE_OVER_SECONDS = 12;

/** Name of its connections. */
const VICTIM = 'victim';

type Run = Awaited<ReturnType<typeof begin>>;

interface Fault {
  what: string;
  strike(victim: ServerProcess, line: BreakingProxy): unknown;
  /** Null where the victim is gone for good. */
  recover: ((victim: ServerProcess, line: BreakingProxy) => void) | null;
}

const faults: Fault[] = [
  { what: 'is killed', strike: (victim) => victim.end('SIGKILL'), recover: null },
  { what: 'is frozen', strike: (victim) => victim.freeze(), recover: (victim) => victim.wake() },
  { what: 'is cut off from the database', strike: (_, line) => line.cut(), recover: (_, line) => line.heal() },
  {
    what: 'is cut off without noticing',
    strike: (_, line) => line.swallow(),
    recover: (_, line) => line.heal(),
  },
  { what: 'reaches the database too late', strike: (_, line) => line.delay(), recover: (_, line) => line.heal() },
];

const call = (tool: string, milliseconds = 10) =>
  `/call ${tool} ${JSON.stringify({ mark: tool, milliseconds })}\n/then\n/say Done with ${tool}.`;

const isA = (type: Event['type']) => (event: Event) => event.type === type;

/** A server that can be cut off, and another one. */
async function pair() {
  const environment = { RUNTAPE_LEASE_SECONDS: String(LEASE_SECONDS) };
  const cluster = await createCluster({ program: countingServer, environment });
  onTestFinished(() => cluster[Symbol.asyncDispose]());
  const line = await startBreakingProxy(cluster.databaseUrl);
  onTestFinished(() => line[Symbol.asyncDispose]());
  const url = new URL(line.url);
  url.searchParams.set('application_name', VICTIM);
  const [victim, other] = await Promise.all([cluster.start({ DATABASE_URL: url.href }), cluster.start()]);
  return { cluster, line, victim, other };
}

/** Sends to one server and follows at another. */
async function begin(near: TestClient, far: TestClient, text: string) {
  const { run } = await send(near, { sessionKey: text, text });
  return { runId: run.id, ...witness(far, run.id) };
}

async function secondsOf(work: Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work;
  return (performance.now() - start) / 1000;
}

test.each(faults)(
  'B50: the other server takes over what a server does that $what',
  async ({ what, strike, recover }) => {
    const { cluster, line, victim, other } = await pair();
    await using near = createTestClient(victim.url);
    await using far = createTestClient(other.url);
    const texts = ['/pace 40\n/words 60', call('stamp', 4000), call('again', 4000), call('asked')];
    const runs = await Promise.all(texts.map((text) => begin(near, far, text)));
    const [talking, once, repeatable, waiting] = runs as [Run, Run, Run, Run];
    await Promise.all([talking.until(({ seq }) => seq >= 10), waiting.until(isA('APPROVAL_REQUEST'))]);
    await until(async () => (await cluster.effects()).length === 2);

    await strike(victim, line);
    const taken = secondsOf(Promise.all([talking, once, repeatable].map((run) => run.until(isA('RESUMPTION')))));
    await answerNext(far, waiting.runId, 'ALLOW');
    await waiting.over;
    const seconds = await taken;
    console.log(`B50: what a server did that ${what} was taken over after ${seconds.toFixed(1)} s`);
    expect(seconds).toBeLessThan(TAKE_OVER_SECONDS);
    const { outcome } = await answerNext(far, once.runId, 'DENY');
    expect(outcome.__typename).toBe('DecideApprovalSuccess');
    await Promise.all(runs.map(({ over }) => over));
    if (recover) {
      recover(victim, line);
      const again = { sessionKey: 'again', text: 'Hello', idempotencyKey: 'hello' };
      const answered = await until(() => converse(near, again).catch(() => null));
      expect(answered.run.state).toBe('DONE');
      expect(await victim.end('SIGTERM')).toBe(0);
    }

    expect((await cluster.effects()).sort()).toEqual(['again', 'again', 'asked', 'stamp']);
    for (const { runId, seen } of runs) {
      expect(seen.map(({ hash }) => hash)).toEqual((await follow(far, runId)).map(({ hash }) => hash));
      expect(seen.map(({ seq }) => seq)).toEqual(seen.map((_, index) => index + 1));
      expect(seen.at(-1)).toMatchObject({ to: 'DONE' });
      expect(typesOf(seen).filter((type) => type === 'RESUMPTION')).toHaveLength(runId === waiting.runId ? 0 : 1);
    }
    expect((await runById(far, talking.runId)).output?.split(' ')).toHaveLength(60);
    expect(await other.end('SIGTERM')).toBe(0);
    await cluster.check();
  },
);
