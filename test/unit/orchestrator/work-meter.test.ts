import { expect, test } from 'vitest';
import { createWorkMeter } from '../../../src/orchestrator/work-meter.ts';
import { createFakeClock } from '../fake-clock.ts';

test('the time at work continues what was measured before, and stands still while the run waits', async () => {
  const clock = createFakeClock();
  const meter = createWorkMeter(clock);
  meter.proceed();
  expect(meter.milliseconds()).toBeNull();
  meter.begin(500);
  await clock.advance(100);
  meter.pause();
  await clock.advance(1000);
  meter.pause();
  expect(meter.milliseconds()).toBe(600);
  meter.proceed();
  meter.proceed();
  await clock.advance(10);
  expect(meter.milliseconds()).toBe(610);
});
