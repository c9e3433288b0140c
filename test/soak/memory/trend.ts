/** One measurement of a process. */
export interface Sample {
  /** Since the start of the measurement. */
  seconds: number;
  megabytes: number;
}

export interface Trend {
  /** The slope of a linear regression over the second half; loading and compiling happen in the first half. */
  megabytesPerHour: number;
  /** The mean of the second half. */
  megabytes: number;
  /** Whether the second half grew by less than the noise of garbage collection. */
  isLevel: boolean;
}

const SECONDS_PER_HOUR = 3600;
/** As a share of the mean. */
const NOISE = 0.05;

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
  return { megabytesPerHour: slope * SECONDS_PER_HOUR, megabytes, isLevel: slope * length < megabytes * NOISE };
}
