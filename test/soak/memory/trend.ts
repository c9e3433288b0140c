/** One look at a process. */
export interface Sample {
  /** Since the beginning. */
  seconds: number;
  megabytes: number;
}

export interface Trend {
  /** By linear regression over the second half: what is loaded and compiled once is over by then. */
  megabytesPerHour: number;
  /** Mean of that half. */
  megabytes: number;
  /** Whether that half grew by less than what collections of garbage leave to chance. */
  isLevel: boolean;
}

const SECONDS_PER_HOUR = 3600;
/** Of the mean. */
const CHANCE = 0.05;

export function trendOf(samples: readonly Sample[]): Trend {
  const half = samples.slice(Math.floor(samples.length / 2));
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const seconds = mean(half.map((sample) => sample.seconds));
  const megabytes = mean(half.map((sample) => sample.megabytes));
  let [shared, spread] = [0, 0];
  for (const sample of half) {
    shared += (sample.seconds - seconds) * (sample.megabytes - megabytes);
    spread += (sample.seconds - seconds) ** 2;
  }
  const slope = spread === 0 ? 0 : shared / spread;
  const length = (half.at(-1)?.seconds ?? 0) - (half[0]?.seconds ?? 0);
  return { megabytesPerHour: slope * SECONDS_PER_HOUR, megabytes, isLevel: slope * length < megabytes * CHANCE };
}
