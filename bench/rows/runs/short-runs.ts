import { aiSdk } from '../../contestants/ai-sdk.ts';
import { langGraph } from '../../contestants/langgraph.ts';
import { runtape } from '../../contestants/runtape.ts';
import { talkTo } from '../../load/talking.ts';
import { type Claim, medianOf, ratioText, type Series } from '../../measure/result.ts';
import { inTurns, type Sample } from '../../measure/turns.ts';
import type { Bench, Row } from '../row.ts';
import { type NamedTalker, withTalkers } from '../talkers.ts';

export const USERS = [1, 8, 64];
const TOKENS = 20;
const UNIT = 'runs/s';

export const atATime = (users: number) => `${users} at a time`;

/** Whole answers a second, with as many users at a time as are named. */
export async function shortRuns(bench: Bench, talker: NamedTalker): Promise<Sample> {
  const sample: Sample = { values: [], errors: 0 };
  for (const users of USERS) {
    const talk = { prompt: { tokens: TOKENS, pace: 0 }, users, seconds: bench.seconds };
    const who = `${talker.name}, ${atATime(users)}`;
    const { rides, seconds, errors } = await bench.watch.during(who, () => talkTo(talker, talk));
    sample.values.push({ what: atATime(users), unit: UNIT, value: rides.length / seconds });
    sample.errors += errors;
    bench.say(`${who}: ${(rides.length / seconds).toFixed(0)} ${UNIT}`);
  }
  return sample;
}

/** Short runs a second against those of somebody else, 64 at a time. */
export function timesFaster(series: Series[], ours: string, theirs: string, asked: number, stretch?: number): Claim {
  const what = atATime(64);
  const [mine, other] = [medianOf(series, ours, what), medianOf(series, theirs, what)];
  return {
    what: `short runs/s, 64 at a time, against ${theirs}`,
    asked: `≥ ${asked} ×`,
    stretch: stretch ? `≥ ${stretch} ×` : '',
    measured: ratioText(mine, other, UNIT),
    met: mine >= asked * other,
    stretchMet: mine >= (stretch ?? asked) * other,
  };
}

export const shortRunsRow: Row = {
  name: 'short-runs',
  about: `${TOKENS} tokens at once, sent and followed to the end: whole runs a second`,
  measure: (bench) =>
    withTalkers(bench, [runtape(), aiSdk, langGraph()], async (talkers) => {
      const { series, errors } = await inTurns(bench.rounds, talkers, (talker) => shortRuns(bench, talker));
      const claims = [
        timesFaster(series, 'Runtape', 'AI SDK', 5, 10),
        timesFaster(series, 'Runtape', 'LangGraph + SQLite', 8),
      ];
      return { row: 'short-runs', series, claims, errors, notes: [] };
    }),
};
