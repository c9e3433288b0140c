import { expect, test } from 'vitest';
import { createTestClient } from '../../client.ts';
import { follow } from '../../integration/conversation.ts';
import { until } from '../../integration/gateway.ts';
import { freePort } from '../../postgres/server.ts';
import type { ServerProcess } from '../server-process.ts';
import { startCluster } from './cluster.ts';
import { followWithReconnects, type ReconnectingFollower, sendWithRetries } from './reconnecting-client.ts';

const SERVERS = 3;
const CLIENTS = 5;

test('B51: three servers are restarted in turn under load, and clients that reconnect see no error', async () => {
  const cluster = await startCluster();
  const ports = await Promise.all(Array.from({ length: SERVERS }, freePort));
  const servers: ServerProcess[] = await Promise.all(ports.map((port) => cluster.start({ PORT: String(port) })));
  const urls = () => servers.map(({ url }) => url);
  const followers: ReconnectingFollower[] = [];
  const stopping = new AbortController();

  /** Sends messages one after another, and follows each run to its end. */
  async function converse(name: string): Promise<void> {
    for (let count = 0; !stopping.signal.aborted; count += 1) {
      const text = '/pace 20\n/words 40\n/call clock {}\n/then\n/words 20';
      const idempotencyKey = `${name} ${count}`;
      const { run } = await sendWithRetries(urls, { sessionKey: name, text, idempotencyKey });
      const follower = followWithReconnects(urls, run.id);
      followers.push(follower);
      await follower.ended;
    }
  }

  const clients = Array.from({ length: CLIENTS }, (_, index) => converse(`client ${index}`));
  for (const [index, port] of ports.entries()) {
    const before = followers.length;
    await until(() => followers.length > before + 1, 'two more runs', 60);
    expect(await servers[index]?.stop('SIGTERM')).toBe(0);
    servers[index] = await cluster.start({ PORT: String(port) });
  }
  stopping.abort();
  await Promise.all(clients);
  expect(followers.length).toBeGreaterThan(CLIENTS);

  await using client = createTestClient(servers[0]?.url ?? '');
  for (const { events } of followers) {
    const [first] = events;
    const tape = await follow(client, first?.runId ?? '');
    expect(events.map(({ hash }) => hash)).toEqual(tape.map(({ hash }) => hash));
    expect(events.at(-1)).toMatchObject({ to: 'DONE' });
  }
  await Promise.all(servers.map((server) => server.stop('SIGTERM')));
  await cluster.assertConsistent();
});

test('B110: a server whose database a newer release has migrated stops by itself, and says why', async () => {
  const cluster = await startCluster();
  const server = await cluster.start({ RUNTAPE_LEASE_SECONDS: '1' });
  await cluster.query(`
    INSERT INTO "_prisma_migrations" ("id", "checksum", "migration_name", "finished_at", "logs")
      VALUES ('newer', 'x', '29990101000000_newer', now(), 'Runtape 99.0.0')`);
  expect(await server.exited).toBe(1);
  expect(server.output()).toContain('A newer release (Runtape 99.0.0) has migrated the database');
  const again = await cluster.runCommand(['serve']);
  expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('was written by a newer release') });
});
