import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createTestClient } from '../client.ts';
import { follow, runById, send, typesOf } from '../integration/conversation.ts';
import { crashCampaign } from '../soak/campaign.ts';
import { launch, listening } from '../soak/server.ts';

const ROUNDS = 10;

test('B48: nothing is lost and nothing happens twice, whenever the server is killed', {
  timeout: 240_000,
}, async () => {
  const seed = Date.now() % 1_000_000;
  const report = await crashCampaign(ROUNDS, seed, () => undefined);
  expect(report.faults, `seed ${seed}`).toEqual([]);
  expect(report.runs).toBeGreaterThan(0);
});

test('B49: a run that takes its server with it each time is FAILED with RESUME_LIMIT', {
  timeout: 120_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'runtape-limit-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  let server = launch(folder);
  const first = createTestClient(await listening(server));
  const { run } = await send(first, { sessionKey: 'doomed', text: '/call crash {}\n/then\n/say unreached' });
  await first[Symbol.asyncDispose]();
  for (let crashes = 0; crashes < 4; crashes += 1) {
    await once(server, 'exit');
    server = launch(folder);
  }
  await using client = createTestClient(await listening(server));
  const events = await follow(client, run.id);
  const failed = { state: 'FAILED', error: { code: 'RESUME_LIMIT' }, resumptions: 3 };
  expect(await runById(client, run.id)).toMatchObject(failed);
  expect(typesOf(events).filter((type) => type === 'RESUMPTION')).toHaveLength(3);
  server.kill('SIGTERM');
  await once(server, 'exit');
});
