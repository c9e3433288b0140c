import { expect, test } from 'vitest';
import { describeFailure, findFailure, traceOf } from './campaign.ts';

const fixedSeed = 20270101;
const randomSeed = Number(process.env.RUNTAPE_SEED ?? Math.floor(Math.random() * 2 ** 32));
const milliseconds = 5000;

test('schedules of a fixed seed keep every invariant', async () => {
  const { failure, schedules } = await findFailure({ seed: fixedSeed, milliseconds });
  expect(failure && describeFailure(failure)).toBeNull();
  expect(schedules).toBeGreaterThan(0);
});

test(`schedules of a random seed keep every invariant, RUNTAPE_SEED=${randomSeed}`, async () => {
  const { failure } = await findFailure({ seed: randomSeed, milliseconds });
  expect(failure && describeFailure(failure)).toBeNull();
});

test('a seed reproduces a schedule exactly', async () => {
  expect(await traceOf(fixedSeed)).toEqual(await traceOf(fixedSeed));
});
