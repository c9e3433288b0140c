import { formatNumber, type Goal, medianOf, type Series } from '../../measure/result.ts';
import { measureInRounds } from '../../measure/rounds.ts';
import { runWorker } from '../../processes/worker.ts';
import type { BenchContext } from '../row.ts';

const WRITERS = [1, 8, 64];
const REQUIRED_SHARE = 0.5;
const STRETCH_SHARE = 0.8;
const RUNTAPE = { name: 'Runtape', mode: 'runtape' };
const RAW = { name: 'raw batches', mode: 'raw' };

const metricOf = (writers: number) => `${writers} at a time`;

/** Compares appends to the journal with raw inserts by the driver, each on a new database of `withDatabase`. */
export async function measureAppends(
  { rounds, seconds, log }: BenchContext,
  withDatabase: <Result>(use: (url: string) => Promise<Result>) => Promise<Result>,
): Promise<{ series: Series[]; errors: number }> {
  return measureInRounds(rounds, [RUNTAPE, RAW], async ({ name, mode }) => {
    const rates = await withDatabase((url) =>
      runWorker<Record<string, number>>('append.mjs', mode, url, seconds, ...WRITERS),
    );
    log(`${name}: ${Object.entries(rates).map(([writers, rate]) => `${rate.toFixed(0)} (${writers})`)} events/s`);
    const values = Object.entries(rates).map(([writers, value]) => ({
      metric: metricOf(Number(writers)),
      unit: 'events/s',
      value,
    }));
    return { values, errors: 0 };
  });
}

export function appendGoal(name: string, series: Series[]): Goal {
  const results = WRITERS.map((writers) => {
    const rate = medianOf(series, RUNTAPE.name, metricOf(writers));
    return { writers, rate, share: rate / medianOf(series, RAW.name, metricOf(writers)) };
  });
  return {
    name,
    required: '≥ 50 % of raw batches',
    stretch: '80 %',
    measured: results
      .map(({ writers, rate, share }) => {
        return `${metricOf(writers)} ${formatNumber(share * 100)} % (${formatNumber(rate)}/s)`;
      })
      .join('; '),
    met: results.every(({ share }) => share >= REQUIRED_SHARE),
    stretchMet: results.every(({ share }) => share >= STRETCH_SHARE),
  };
}
