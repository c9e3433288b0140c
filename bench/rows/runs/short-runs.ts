import { runChatLoad } from '../../load/chat-load.ts';
import { type Goal, type RatioGoal, ratioGoal, type Series } from '../../measure/result.ts';
import { measureInRounds, type Sample } from '../../measure/rounds.ts';
import type { Prompt } from '../../model/prompt.ts';
import { aiSdk } from '../../systems/ai-sdk.ts';
import { langGraph } from '../../systems/langgraph.ts';
import { runtape } from '../../systems/runtape.ts';
import { type NamedChatServer, withChatServers } from '../chat-servers.ts';
import type { BenchContext, Row } from '../row.ts';

const CLIENTS = [1, 8, 64];
const TOKENS = 20;
export const UNIT = 'runs/s';

export const metricOf = (clients: number) => `${clients} at a time`;

/** Complete runs per second, by the number of concurrent clients. */
export async function measureRuns(
  bench: BenchContext,
  server: NamedChatServer,
  prompt: Prompt,
  clientCounts: readonly number[],
): Promise<Sample> {
  const sample: Sample = { values: [], errors: 0 };
  for (const clients of clientCounts) {
    const load = { prompt, clients, seconds: bench.seconds };
    const metric = metricOf(clients);
    const subject = `${server.name}, ${metric}`;
    const { timings, seconds, errors } = await bench.saturation.during(subject, () => runChatLoad(server, load));
    sample.values.push({ metric, unit: UNIT, value: timings.length / seconds });
    sample.errors += errors;
    bench.log(`${subject}: ${(timings.length / seconds).toFixed(0)} ${UNIT}`);
  }
  return sample;
}

export const measureShortRuns = (bench: BenchContext, server: NamedChatServer): Promise<Sample> =>
  measureRuns(bench, server, { tokens: TOKENS, paceMilliseconds: 0 }, CLIENTS);

/** A goal for the rate at this number of concurrent clients. */
export function shortRunsGoal(
  series: readonly Series[],
  clients: number,
  goal: Pick<RatioGoal, 'subject' | 'peer' | 'required' | 'stretch'>,
): Goal {
  const name = `short runs/s, ${metricOf(clients)}, against ${goal.peer}`;
  return ratioGoal(series, { name, metric: metricOf(clients), unit: UNIT, bound: 'at least', ...goal });
}

export const shortRunsRow: Row = {
  name: 'short-runs',
  description: `${TOKENS} tokens at once, sent and followed to the end: complete runs per second`,
  measure: (bench) =>
    withChatServers(bench, [runtape(), aiSdk(), langGraph()], async (servers) => {
      const { series, errors } = await measureInRounds(bench.rounds, servers, (server) =>
        measureShortRuns(bench, server),
      );
      const goals = [
        shortRunsGoal(series, 1, { peer: 'AI SDK', required: 1, stretch: 1.5 }),
        shortRunsGoal(series, 8, { peer: 'AI SDK', required: 2, stretch: 3 }),
        shortRunsGoal(series, 64, { peer: 'AI SDK', required: 3.5, stretch: 5 }),
        shortRunsGoal(series, 64, { peer: 'LangGraph + SQLite', required: 8 }),
      ];
      return { row: 'short-runs', series, goals, errors, notes: [] };
    }),
};
