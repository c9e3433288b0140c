import { expect, test } from 'vitest';
import { createTokenMeter } from '../../../src/context/token-estimate.ts';

test('the ratio follows what a provider counts, within bounds, and ignores short requests', () => {
  const meter = createTokenMeter();
  meter.observe('one', { estimated: 10, counted: 100 });
  expect(meter.ratio('one')).toBe(1);
  for (let times = 0; times < 30; times += 1) {
    meter.observe('one', { estimated: 1000, counted: 1500 });
    meter.observe('two', { estimated: 1000, counted: 100_000 });
  }
  expect(meter.ratio('one')).toBeCloseTo(1.5, 2);
  expect([meter.ratio('two') <= 3, meter.ratio('three')]).toEqual([true, 1]);
});
