import { expect, test } from 'vitest';
import { createExpirySweep } from '../../../src/application/expiry-sweep.ts';
import { MemoriesDocument, RememberDocument } from '../../generated/graphql.ts';
import { send } from '../conversation.ts';
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
