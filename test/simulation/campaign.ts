import { runSchedule, type ScheduleResult } from './schedule.ts';
import { openStore } from './store.ts';
import { withSimulatedTurns } from './timeline.ts';

export interface Campaign {
  /** The first schedule that violated an invariant, with its trace; null if none did. */
  failure: ScheduleResult | null;
  schedules: number;
  steps: number;
  runs: number;
  /** Processor time of this process. */
  cpuMilliseconds: number;
}

/** Performs schedules with successive seeds for a time, until one fails. */
export async function findFailure(options: { seed: number; milliseconds: number }): Promise<Campaign> {
  const store = await openStore();
  const end = performance.now() + options.milliseconds;
  const campaign: Campaign = { failure: null, schedules: 0, steps: 0, runs: 0, cpuMilliseconds: 0 };
  const cpu = process.cpuUsage();
  return withSimulatedTurns(async () => {
    for (let seed = options.seed; performance.now() < end; seed = (seed + 1) >>> 0) {
      const result = await runSchedule(store, seed);
      campaign.schedules += 1;
      campaign.steps += result.steps;
      campaign.runs += result.runs;
      const { user, system } = process.cpuUsage(cpu);
      campaign.cpuMilliseconds = (user + system) / 1000;
      if (result.problems.length === 0) continue;
      return { ...campaign, failure: await runSchedule(store, seed, true) };
    }
    return campaign;
  });
}

/** Everything that happens in the schedule of a seed. */
export async function traceOf(seed: number): Promise<readonly string[]> {
  const store = await openStore();
  return withSimulatedTurns(async () => (await runSchedule(store, seed, true)).trace);
}

const TRACED_LINES = 60;

export function describeFailure({ seed, problems, trace }: ScheduleResult): string {
  return [
    `RUNTAPE_SEED=${seed}`,
    ...problems,
    `The last ${TRACED_LINES} lines of the trace:`,
    ...trace.slice(-TRACED_LINES),
  ].join('\n');
}
