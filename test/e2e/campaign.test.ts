import { once } from 'node:events';
import { expect, inject, test } from 'vitest';
import { createTestClient } from '../client.ts';
import { follow, runById, send, typesOf } from '../integration/conversation.ts';
import { crashCampaign } from '../soak/campaign.ts';
import { createFileStore, createPostgresStore } from '../soak/campaign-store.ts';
import { launch, untilListening } from '../soak/launch.ts';

/** `npm run soak:crash` runs more. */
const ROUNDS = 3;
const log = () => undefined;

test('B48: nothing is lost or executed twice when the server is killed at random moments', {
  timeout: 240_000,
}, async () => {
  const seed = Date.now() % 1_000_000;
  await using store = await createFileStore();
  const report = await crashCampaign({ store, servers: 1, rounds: ROUNDS, seed, log });
  expect(report.problems, `seed ${seed}`).toEqual([]);
  expect(report.runs).toBeGreaterThan(0);
});

test('B48, B50: nor with three servers on one database that are killed, frozen or cut off from it', {
  timeout: 240_000,
}, async () => {
  const seed = Date.now() % 1_000_000;
  await using store = await createPostgresStore(inject('postgres').url);
  const report = await crashCampaign({ store, servers: 3, rounds: ROUNDS, seed, log });
  expect(report.problems, `seed ${seed}`).toEqual([]);
  expect(report.runs).toBeGreaterThan(0);
});

test('B49: a run that crashes its server each time fails with RESUME_LIMIT', {
  timeout: 120_000,
}, async () => {
  await using store = await createFileStore();
  const options = { databaseUrl: store.url, folder: store.folder, leaseSeconds: 1 };
  let server = launch(options);
  const message = { sessionKey: 'doomed', idempotencyKey: 'once', text: '/call crash {}\n/then\n/say unreached' };
  const first = createTestClient(await untilListening(server));
  // The server can crash before it answers.
  await send(first, message).catch(() => undefined);
  await first[Symbol.asyncDispose]();
  for (let crashes = 0; crashes < 4; crashes += 1) {
    await once(server, 'exit');
    server = launch(options);
  }
  await using client = createTestClient(await untilListening(server));
  const { run } = await send(client, message);
  const events = await follow(client, run.id);
  expect(await runById(client, run.id)).toMatchObject({
    state: 'FAILED',
    error: { code: 'RESUME_LIMIT' },
    resumptions: 3,
  });
  expect(typesOf(events).filter((type) => type === 'RESUMPTION')).toHaveLength(3);
  server.kill('SIGTERM');
  await once(server, 'exit');
});
