import { expect, onTestFinished, test } from 'vitest';
import { createTestClient } from '../../client.ts';
import { follow } from '../../integration/conversation.ts';
import { until } from '../../integration/gateway.ts';
import { freePort } from '../../postgres/server.ts';
import type { ServerProcess } from '../server-process.ts';
import { createCluster } from './cluster.ts';
import { followSteadily, type SteadyFollower, sendSteadily } from './steady-client.ts';

const SERVERS = 3;
const TALKERS = 5;

test('B51: each of three servers is restarted in turn under load, and no client sees more than its reconnecting hides', async () => {
  const cluster = await createCluster();
  onTestFinished(() => cluster[Symbol.asyncDispose]());
  const ports = await Promise.all(Array.from({ length: SERVERS }, freePort));
  const servers: ServerProcess[] = await Promise.all(ports.map((port) => cluster.start({ PORT: String(port) })));
  const urls = () => servers.map(({ url }) => url);
  const followers: SteadyFollower[] = [];
  const quiet = new AbortController();

  /** Sends one message after the other and follows each to its end. */
  async function talk(name: string): Promise<void> {
    for (let count = 0; !quiet.signal.aborted; count += 1) {
      const text = '/pace 20\n/words 40\n/call clock {}\n/then\n/words 20';
      const idempotencyKey = `${name} ${count}`;
      const { run } = await sendSteadily(urls, { sessionKey: name, text, idempotencyKey });
      const follower = followSteadily(urls, run.id);
      followers.push(follower);
      await follower.over;
    }
  }

  const talking = Array.from({ length: TALKERS }, (_, index) => talk(`talker ${index}`));
  for (const [index, port] of ports.entries()) {
    const before = followers.length;
    await until(async () => followers.length > before + 1);
    expect(await servers[index]?.end('SIGTERM')).toBe(0);
    servers[index] = await cluster.start({ PORT: String(port) });
  }
  quiet.abort();
  await Promise.all(talking);
  expect(followers.length).toBeGreaterThan(TALKERS);

  await using client = createTestClient(servers[0]?.url ?? '');
  for (const { seen } of followers) {
    const [first] = seen;
    const tape = await follow(client, first?.runId ?? '');
    expect(seen.map(({ hash }) => hash)).toEqual(tape.map(({ hash }) => hash));
    expect(seen.at(-1)).toMatchObject({ to: 'DONE' });
  }
  await Promise.all(servers.map((server) => server.end('SIGTERM')));
  await cluster.check();
});
