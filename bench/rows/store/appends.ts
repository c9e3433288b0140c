import { type Claim, medianOf, type Series, shown } from '../../measure/result.ts';
import { inTurns } from '../../measure/turns.ts';
import { work } from '../../processes/work.ts';
import type { Bench } from '../row.ts';

const WRITERS = [1, 8, 64];
const ASKED = 0.5;
const STRETCH = 0.8;
const OURS = { name: 'Runtape', mode: 'ours' };
const RAW = { name: 'raw batches', mode: 'raw' };

const atATime = (writers: number) => `${writers} at a time`;

/** Appends of the product's journal beside the driver alone, on databases that `make` makes. */
export async function measureAppends(
  { rounds, seconds, say }: Bench,
  withDatabase: <Result>(work: (url: string) => Promise<Result>) => Promise<Result>,
): Promise<{ series: Series[]; errors: number }> {
  return inTurns(rounds, [OURS, RAW], async ({ name, mode }) => {
    const rates = await withDatabase((url) =>
      work<Record<string, number>>('append.mjs', mode, url, seconds, ...WRITERS),
    );
    say(`${name}: ${Object.entries(rates).map(([writers, rate]) => `${rate.toFixed(0)} (${writers})`)} events/s`);
    const values = Object.entries(rates).map(([writers, value]) => ({
      what: atATime(Number(writers)),
      unit: 'events/s',
      value,
    }));
    return { values, errors: 0 };
  });
}

export function appendClaim(what: string, series: Series[]): Claim {
  const shares = WRITERS.map((writers) => {
    const [ours, raw] = [OURS, RAW].map(({ name }) => medianOf(series, name, atATime(writers)));
    return { writers, ours: ours ?? Number.NaN, share: (ours ?? Number.NaN) / (raw ?? Number.NaN) };
  });
  return {
    what,
    asked: '≥ 50 % of raw batches',
    stretch: '80 %',
    measured: shares
      .map(({ writers, ours, share }) => `${atATime(writers)} ${shown(share * 100)} % (${shown(ours)}/s)`)
      .join('; '),
    met: shares.every(({ share }) => share >= ASKED),
    stretchMet: shares.every(({ share }) => share >= STRETCH),
  };
}
