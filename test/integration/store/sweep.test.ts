import { expect, test } from 'vitest';
import { createExpirySweep } from '../../../src/application/expiry-sweep.ts';
import { activityBounds } from '../../../src/repositories/activity.ts';
import { ActivityPageDocument, MemoriesDocument, RememberDocument } from '../../generated/graphql.ts';
import { converse, send } from '../conversation.ts';
import { startTestGateway } from '../gateway.ts';

test('B14: an idempotency key is deleted after a day', async () => {
  const { client, gateway } = await startTestGateway();
  await send(client, { sessionKey: 'kept', text: '/say once', idempotencyKey: 'k' });
  const { commands, database } = gateway.parts;
  const start = Date.now();
  let now = start;
  const sweep = createExpirySweep({ ...commands, now: () => now });
  now = start + 23 * 3_600_000;
  await sweep();
  expect(await database.reader.idempotencyKey.count()).toBe(1);
  now = start + 25 * 3_600_000;
  await sweep();
  expect(await database.reader.idempotencyKey.count()).toBe(0);
});

test('B53: an expired memory is deleted together with its entry in the index', async () => {
  const { client, gateway } = await startTestGateway();
  await client.send(RememberDocument, { input: { text: 'The pass is blue today.', expiresInSeconds: 60 } });
  await client.send(RememberDocument, { input: { text: 'The sea is blue.' } });
  const { commands, database } = gateway.parts;
  const start = Date.now();
  let now = start;
  const sweep = createExpirySweep({ ...commands, now: () => now });
  now = start + 2 * 3_600_000;
  await sweep();
  expect(await database.reader.memory.count()).toBe(1);
  expect(await database.reader.passage.count()).toBe(1);
  const { memories } = await client.send(MemoriesDocument, { query: 'blue' });
  expect(memories.edges.map(({ node }) => node.text)).toEqual(['The sea is blue.']);
});

test.each([
  [{}, 7],
  [{ activity: { retentionDays: 30 } }, 30],
])('B65: with the configuration %j changes are deleted after %d days', async (file, days) => {
  const { client, gateway } = await startTestGateway({ file });
  await converse(client, { sessionKey: 'kept', text: '/say once' });
  const { edges } = (await client.send(ActivityPageDocument, {})).activity;
  const { commands, database } = gateway.parts;
  const start = Date.now();
  let now = start;
  const sweep = createExpirySweep({ ...commands, now: () => now });
  now = start + (days * 24 - 1) * 3_600_000;
  await sweep();
  expect(await activityBounds(database)).toEqual({ prunedUpTo: 0, newest: edges.length });
  now = start + (days * 24 + 1) * 3_600_000;
  await sweep();
  expect(await activityBounds(database)).toEqual({ prunedUpTo: edges.length, newest: edges.length });
  const expired = client.send(ActivityPageDocument, { after: edges[0]?.cursor });
  await expect(expired).rejects.toMatchObject({ code: 'CURSOR_EXPIRED' });
});
