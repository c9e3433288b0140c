import { aiSdk } from '../../contestants/ai-sdk.ts';
import { langGraph } from '../../contestants/langgraph.ts';
import { runtape } from '../../contestants/runtape.ts';
import { talkTo } from '../../load/talking.ts';
import { type Claim, median, medianOf, ratioText, type Series } from '../../measure/result.ts';
import { inTurns } from '../../measure/turns.ts';
import type { Row } from '../row.ts';
import { withTalkers } from '../talkers.ts';

const TOKENS = 200;
const PACE_MILLISECONDS = 5;
const USERS = [1, 8];
const STRETCH_MILLISECONDS = 1.1;

const added = (users: number) => `added per token, p50, ${users} at a time`;

function claim(series: Series[]): Claim {
  const [ours, theirs] = [medianOf(series, 'Runtape', added(1)), medianOf(series, 'AI SDK', added(1))];
  return {
    what: `added per token at ${PACE_MILLISECONDS} ms pace, p50, against AI SDK`,
    asked: '≤ 1 ×',
    stretch: `≤ ${STRETCH_MILLISECONDS} ms`,
    measured: ratioText(ours, theirs, 'ms'),
    met: ours <= theirs,
    stretchMet: ours <= STRETCH_MILLISECONDS,
  };
}

export const addedPerTokenRow: Row = {
  name: 'added-per-token',
  about: `a token every ${PACE_MILLISECONDS} ms: from the model to the client`,
  measure: (bench) =>
    withTalkers(bench, [runtape(), aiSdk, langGraph()], async (talkers) => {
      const { series, errors } = await inTurns(bench.rounds, talkers, async (talker) => {
        const sample = { values: [] as { what: string; unit: string; value: number }[], errors: 0 };
        for (const users of USERS) {
          const prompt = { tokens: TOKENS, pace: PACE_MILLISECONDS };
          const talk = { prompt, users, seconds: bench.seconds, timed: true };
          const talked = await bench.watch.during(`${talker.name}, ${users}`, () => talkTo(talker, talk));
          const value = median(talked.rides.flatMap(({ delays }) => delays));
          sample.values.push({ what: added(users), unit: 'ms', value });
          sample.errors += talked.errors;
          bench.say(`${talker.name}, ${users} at a time: ${value.toFixed(2)} ms`);
        }
        return sample;
      });
      return { row: 'added-per-token', series, claims: [claim(series)], errors, notes: [] };
    }),
};
