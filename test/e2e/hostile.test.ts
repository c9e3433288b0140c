import { expect, test } from 'vitest';
import { measureAttack } from '../soak/hostile/measured-attack.ts';

test('B60: twenty hostile clients of all kinds do not keep another client from being served', async () => {
  const attack = await measureAttack({ clients: 20, seconds: 4 });
  process.stdout.write(`hostile clients: ${JSON.stringify(attack)}\n`);
  expect(attack.outcomes['too long bodies']?.['413'] ?? 0).toBeGreaterThan(0);
  expect(attack.outcomes['long messages without authentication']?.['1009'] ?? 0).toBeGreaterThan(0);
  // Generous, because the hostile clients and other tests share two processors with the server. One body took seconds before.
  expect(attack.during.loop.worst).toBeLessThan(2000);
  expect(attack.during.client.requests).toBeGreaterThan(0);
});
