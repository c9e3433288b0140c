import { expect, test } from 'vitest';
import { RELOAD_SECONDS } from '../../../src/config/limits.ts';
import { combineReloads } from '../../../src/server/combined-reloads.ts';
import { createFakeClock } from '../fake-clock.ts';

test('B103: signals that come during a reload, and shortly after it, are one more reload', async () => {
  const clock = createFakeClock();
  let reloads = 0;
  const signal = combineReloads(async () => {
    reloads += 1;
  }, clock);
  for (let sent = 0; sent < 20; sent += 1) signal();
  expect(reloads).toBe(1);
  await clock.advance(RELOAD_SECONDS * 1000);
  expect(reloads).toBe(2);
  await clock.advance(RELOAD_SECONDS * 1000);
  expect(reloads).toBe(2);
  signal();
  expect(reloads).toBe(3);
});
