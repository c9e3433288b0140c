import { expect, test } from 'vitest';
import { createSharedRateLimit } from '../../../src/server/access/shared-rate-limit.ts';
import { startTestGateway } from '../gateway.ts';

test('B60: servers that share a database share the rate limit of a principal', async () => {
  const { gateway } = await startTestGateway();
  const { database } = gateway.parts;
  const createLimit = () => createSharedRateLimit({ database, pointsPerMinute: 10, maxPrincipals: 10, now: Date.now });
  const servers = [createLimit(), createLimit()];
  const outcomes: (number | null)[] = [];
  // If a minute ends during the loop, the limit applies twice.
  for (let turn = 0; turn < 41; turn += 1) outcomes.push((await servers[turn % 2]?.take('ada', 1)) ?? null);
  expect(outcomes.filter((outcome) => outcome === null).length).toBeLessThanOrEqual(20);
  expect(outcomes.at(-1)).toBeGreaterThan(0);
  expect(outcomes.at(-1)).toBeLessThanOrEqual(60);
  expect(await servers[0]?.take('bob', 5)).toBeNull();
  expect(await servers[1]?.take('bob', 6)).toBeGreaterThan(0);
});
