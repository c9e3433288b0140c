import { aiSdk } from '../../contestants/ai-sdk.ts';
import { langGraph } from '../../contestants/langgraph.ts';
import { runtape } from '../../contestants/runtape.ts';
import { type Talk, talkTo } from '../../load/talking.ts';
import { type Claim, medianOf, type Series, shown } from '../../measure/result.ts';
import { inTurns, type Sample } from '../../measure/turns.ts';
import { cpuSeconds } from '../../processes/usage.ts';
import type { Row } from '../row.ts';
import { withTalkers } from '../talkers.ts';

const MICROSECONDS = 1e6;

type Kind = Pick<Talk, 'prompt' | 'users'> & { what: string };

const SHORT: Kind = { what: 'short runs, 64 at a time', prompt: { tokens: 20, pace: 0 }, users: 64 };
const PACED: Kind = { what: 'paced, 1 at a time', prompt: { tokens: 200, pace: 5 }, users: 1 };
const MANY_PACED: Kind = { what: 'paced, 8 at a time', prompt: { tokens: 200, pace: 5 }, users: 8 };

function claim(series: Series[], { what }: Kind, asked: number, stretch: number): Claim {
  const ours = medianOf(series, 'Runtape', what);
  return {
    what: `CPU per token, ${what}`,
    asked: `≤ ${asked} µs`,
    stretch: `≤ ${stretch} µs`,
    measured: `${shown(ours)} µs (AI SDK ${shown(medianOf(series, 'AI SDK', what))} µs)`,
    met: ours <= asked,
    stretchMet: ours <= stretch,
  };
}

export const cpuPerTokenRow: Row = {
  name: 'cpu-per-token',
  about: "processor time of the server's process for each token that it delivered",
  measure: (bench) =>
    withTalkers(bench, [runtape(), aiSdk, langGraph()], async (talkers) => {
      const { series, errors } = await inTurns(bench.rounds, talkers, async (talker) => {
        const sample: Sample = { values: [], errors: 0 };
        for (const { what, prompt, users } of [SHORT, PACED, MANY_PACED]) {
          const before = cpuSeconds(talker.processId);
          const talked = await bench.watch.during(`${talker.name}, ${what}`, () =>
            talkTo(talker, { prompt, users, seconds: bench.seconds }),
          );
          const tokens = talked.rides.reduce((sum, ride) => sum + ride.tokens, 0);
          const value = ((cpuSeconds(talker.processId) - before) / tokens) * MICROSECONDS;
          sample.values.push({ what, unit: 'µs', value });
          sample.errors += talked.errors;
          bench.say(`${talker.name}, ${what}: ${value.toFixed(0)} µs`);
        }
        return sample;
      });
      const claims = [claim(series, SHORT, 150, 80), claim(series, PACED, 300, 180)];
      return { row: 'cpu-per-token', series, claims, errors, notes: [] };
    }),
};
