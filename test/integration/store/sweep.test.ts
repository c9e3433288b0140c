import { expect, test } from 'vitest';
import { createSweep } from '../../../src/application/sweep.ts';
import { send } from '../conversation.ts';
import { startTestGateway } from '../gateway.ts';

test('B14: an idempotency key is kept for a day, and dropped after it', async () => {
  const { client, gateway } = await startTestGateway();
  await send(client, { sessionKey: 'kept', text: '/say once', idempotencyKey: 'k' });
  const { commands, database } = gateway.parts;
  const start = Date.now();
  let now = start;
  const sweep = createSweep({ ...commands, now: () => now });
  now = start + 23 * 3_600_000;
  await sweep();
  expect(await database.reader.idempotencyKey.count()).toBe(1);
  now = start + 25 * 3_600_000;
  await sweep();
  expect(await database.reader.idempotencyKey.count()).toBe(0);
});
