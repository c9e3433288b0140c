import { expect, onTestFinished, test } from 'vitest';
import { createTestClient, GraphqlFailure, type TestClient } from '../../client.ts';
import { follow, runById, send } from '../../integration/conversation.ts';
import { until } from '../../integration/gateway.ts';
import { type OwnPostgres, startOwnPostgres } from '../../postgres/server.ts';
import { createCluster } from './cluster.ts';
import { followSteadily } from './steady-client.ts';

const SESSIONS = 4;

async function ownPostgres(): Promise<OwnPostgres> {
  const postgres = await startOwnPostgres();
  onTestFinished(() => postgres.stop());
  return postgres;
}

/** Sends until it is refused; what was acknowledged, and how it was refused. */
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

test('B52: while Postgres is gone writes are refused, nothing is acknowledged that is not stored, and service goes on', async () => {
  const postgres = await ownPostgres();
  const cluster = await createCluster({ admin: postgres.url, environment: { RUNTAPE_LEASE_SECONDS: '2' } });
  onTestFinished(() => cluster[Symbol.asyncDispose]());
  const servers = [await cluster.start(), await cluster.start()];
  const clients = servers.map(({ url }) => createTestClient(url));
  onTestFinished(async () => {
    for (const client of clients) await client[Symbol.asyncDispose]();
  });
  const [near, far] = clients as [TestClient, TestClient];
  const { run } = await send(near, { sessionKey: 'streaming', text: '/pace 20\n/words 300' });
  const { seen, over } = followSteadily(() => servers.map(({ url }) => url), run.id);
  await until(async () => seen.length > 10);
  const sending = Array.from({ length: SESSIONS }, (_, index) =>
    sendUntilRefused(clients[index % clients.length] as TestClient, `busy ${index}`),
  );

  await postgres.crash();
  const told = await Promise.all(sending);
  for (const { refusal } of told) expect(refusal.code).toBe('UNAVAILABLE');
  for (const client of clients) {
    await expect(send(client, { sessionKey: 'no', text: '/say no' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  }
  await postgres.restart();

  for (const [index, client] of clients.entries()) {
    const again = { sessionKey: `again ${index}`, text: '/say again', idempotencyKey: `again ${index}` };
    const sent = await until(() => send(client, again).catch(() => null));
    expect((await follow(client, sent.run.id)).at(-1)).toMatchObject({ to: 'DONE' });
  }
  for (const { acknowledged } of told) {
    for (const runId of acknowledged) expect((await follow(far, runId)).at(-1)).toMatchObject({ to: 'DONE' });
  }
  await over;
  expect(seen.map(({ hash }) => hash)).toEqual((await follow(far, run.id)).map(({ hash }) => hash));
  const { state, output } = await runById(near, run.id);
  expect({ state, words: output?.split(' ').length }).toEqual({ state: 'DONE', words: 300 });
  expect(await Promise.all(servers.map((server) => server.end('SIGTERM')))).toEqual([0, 0]);
  await cluster.check();
});
