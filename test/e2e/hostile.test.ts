import { expect, test } from 'vitest';
import { measureAttack } from '../soak/hostile/measured-attack.ts';

test('B60: twenty hostile clients of all kinds do not keep another client from being served', async () => {
  const attack = await measureAttack({ clients: 20, seconds: 4 });
  process.stdout.write(`hostile clients: ${JSON.stringify(attack)}\n`);
  expect(attack.outcomes['slow bodies over HTTP']?.['429'] ?? 0).toBeGreaterThan(0);
  expect(attack.outcomes['too long bodies']?.['413'] ?? 0).toBeGreaterThan(0);
  expect(attack.outcomes['long messages without authentication']?.['1009'] ?? 0).toBeGreaterThan(0);
  // Generous, because other processes share the machine. Before, a single body took seconds.
  expect(attack.during.loop.worst).toBeLessThan(1000);
  expect(attack.during.client.requests).toBeGreaterThan(10);
  expect(attack.during.client.p50).toBeLessThan(500);
});
