import { expect, onTestFinished, test } from 'vitest';
import { createTestClient, GraphqlFailure, type TestClient } from '../../client.ts';
import { follow, runById, send } from '../../integration/conversation.ts';
import { until } from '../../integration/gateway.ts';
import { type OwnPostgres, startOwnPostgres } from '../../postgres/server.ts';
import { startCluster } from './cluster.ts';
import { followWithReconnects } from './reconnecting-client.ts';

const SESSIONS = 4;

async function ownPostgres(): Promise<OwnPostgres> {
  const postgres = await startOwnPostgres();
  onTestFinished(() => postgres.stop());
  return postgres;
}

/** Sends messages until one is refused. Returns the acknowledged runs and the refusal. */
async function sendUntilRefused(client: TestClient, sessionKey: string) {
  const acknowledged: string[] = [];
  for (;;) {
    try {
      acknowledged.push((await send(client, { sessionKey, text: `/say ${acknowledged.length}` })).run.id);
    } catch (error) {
      if (error instanceof GraphqlFailure) return { acknowledged, refusal: error };
      throw error;
    }
  }
}

test('B52: while Postgres is down writes are refused, no unstored message is acknowledged, and service resumes', async () => {
  const postgres = await ownPostgres();
  const cluster = await startCluster({ admin: postgres.url, environment: { RUNTAPE_LEASE_SECONDS: '2' } });
  const servers = [await cluster.start(), await cluster.start()];
  const clients = servers.map(({ url }) => createTestClient(url));
  onTestFinished(async () => {
    for (const client of clients) await client[Symbol.asyncDispose]();
  });
  const [firstClient, secondClient] = clients as [TestClient, TestClient];
  const { run } = await send(firstClient, { sessionKey: 'streaming', text: '/pace 20\n/words 300' });
  const { events, ended } = followWithReconnects(() => servers.map(({ url }) => url), run.id);
  await until(async () => events.length > 10);
  const sending = Array.from({ length: SESSIONS }, (_, index) =>
    sendUntilRefused(clients[index % clients.length] as TestClient, `busy ${index}`),
  );

  await postgres.crash();
  const results = await Promise.all(sending);
  for (const { refusal } of results) expect(refusal.code).toBe('UNAVAILABLE');
  for (const client of clients) {
    await expect(send(client, { sessionKey: 'no', text: '/say no' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  }
  await postgres.restart();

  for (const [index, client] of clients.entries()) {
    const input = { sessionKey: `later ${index}`, text: '/say later', idempotencyKey: `later ${index}` };
    const sent = await until(() => send(client, input).catch(() => null), 'the server to answer after the outage', 60);
    expect((await follow(client, sent.run.id)).at(-1)).toMatchObject({ to: 'DONE' });
  }
  for (const { acknowledged } of results) {
    for (const runId of acknowledged) expect((await follow(secondClient, runId)).at(-1)).toMatchObject({ to: 'DONE' });
  }
  await ended;
  expect(events.map(({ hash }) => hash)).toEqual((await follow(secondClient, run.id)).map(({ hash }) => hash));
  const { state, output } = await runById(firstClient, run.id);
  expect({ state, words: output?.split(' ').length }).toEqual({ state: 'DONE', words: 300 });
  expect(await Promise.all(servers.map((server) => server.stop('SIGTERM')))).toEqual([0, 0]);
  await cluster.assertConsistent();
});
