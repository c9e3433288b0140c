import { aiSdk } from '../../contestants/ai-sdk.ts';
import { langGraph } from '../../contestants/langgraph.ts';
import { runtape } from '../../contestants/runtape.ts';
import { talkTo } from '../../load/talking.ts';
import { type Claim, median, medianOf, ratioText, type Series } from '../../measure/result.ts';
import { inTurns } from '../../measure/turns.ts';
import type { Row } from '../row.ts';
import { withTalkers } from '../talkers.ts';

const TOKENS = 20;
const FIRST = 'first token, p50';
const ASKED = 0.5;
const STRETCH_MILLISECONDS = 2;

function claim(series: Series[]): Claim {
  const [ours, theirs] = [medianOf(series, 'Runtape', FIRST), medianOf(series, 'AI SDK', FIRST)];
  return {
    what: 'first event p50, one run, against AI SDK',
    asked: '≤ ½',
    stretch: `≤ ${STRETCH_MILLISECONDS} ms`,
    measured: ratioText(ours, theirs, 'ms'),
    met: ours <= ASKED * theirs,
    stretchMet: ours <= STRETCH_MILLISECONDS,
  };
}

export const firstEventRow: Row = {
  name: 'first-event',
  about: 'from sending a message until its first token is at the client, one run at a time',
  measure: (bench) =>
    withTalkers(bench, [runtape(), aiSdk, langGraph()], async (talkers) => {
      const { series, errors } = await inTurns(bench.rounds, talkers, async (talker) => {
        const talk = { prompt: { tokens: TOKENS, pace: 0 }, users: 1, seconds: bench.seconds };
        const talked = await bench.watch.during(talker.name, () => talkTo(talker, talk));
        const value = median(talked.rides.map(({ sentAt, firstAt }) => firstAt - sentAt));
        bench.say(`${talker.name}: ${value.toFixed(2)} ms`);
        return { values: [{ what: FIRST, unit: 'ms', value }], errors: talked.errors };
      });
      return { row: 'first-event', series, claims: [claim(series)], errors, notes: [] };
    }),
};
