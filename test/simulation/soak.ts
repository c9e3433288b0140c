import { describeFailure, findFailure } from './campaign.ts';

/** `npm run soak:simulation -- 600` runs for ten minutes. RUNTAPE_SEED names the first seed. */
const seconds = Number(process.argv[2] ?? 60);
const seed = Number(process.env.RUNTAPE_SEED ?? Math.floor(Math.random() * 2 ** 32));
const { failure, schedules, steps, runs, cpuMilliseconds } = await findFailure({ seed, milliseconds: seconds * 1000 });
const minutes = cpuMilliseconds / 60_000;
console.log(
  `first seed ${seed}: ${schedules} schedules (${Math.round(schedules / minutes)} a minute of processor time), ${Math.round(steps / schedules)} steps and ${(runs / schedules).toFixed(1)} runs a schedule`,
);
if (failure) {
  console.error(describeFailure(failure));
  process.exitCode = 1;
}
