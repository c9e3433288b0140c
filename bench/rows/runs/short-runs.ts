import { runChatLoad } from '../../load/chat-load.ts';
import { formatRatio, type Goal, medianOf, type Series } from '../../measure/result.ts';
import { measureInRounds, type Sample } from '../../measure/rounds.ts';
import { aiSdk } from '../../systems/ai-sdk.ts';
import { langGraph } from '../../systems/langgraph.ts';
import { runtape } from '../../systems/runtape.ts';
import { type NamedChatServer, withChatServers } from '../chat-servers.ts';
import type { BenchContext, Row } from '../row.ts';

const CLIENTS = [1, 8, 64];
const TOKENS = 20;
const UNIT = 'runs/s';

const metricOf = (clients: number) => `${clients} at a time`;

/** Complete runs per second, by the number of concurrent clients. */
export async function measureShortRuns(bench: BenchContext, server: NamedChatServer): Promise<Sample> {
  const sample: Sample = { values: [], errors: 0 };
  for (const clients of CLIENTS) {
    const load = { prompt: { tokens: TOKENS, paceMilliseconds: 0 }, clients, seconds: bench.seconds };
    const metric = metricOf(clients);
    const subject = `${server.name}, ${metric}`;
    const { timings, seconds, errors } = await bench.saturation.during(subject, () => runChatLoad(server, load));
    sample.values.push({ metric, unit: UNIT, value: timings.length / seconds });
    sample.errors += errors;
    bench.log(`${subject}: ${(timings.length / seconds).toFixed(0)} ${UNIT}`);
  }
  return sample;
}

/** Compares Runtape with another system at 64 concurrent clients. */
function goalOf(series: Series[], system: string, required: number, stretch?: number): Goal {
  const metric = metricOf(64);
  const [ours, theirs] = [medianOf(series, 'Runtape', metric), medianOf(series, system, metric)];
  return {
    name: `short runs/s, 64 at a time, against ${system}`,
    required: `≥ ${required} ×`,
    stretch: stretch ? `≥ ${stretch} ×` : '',
    measured: formatRatio(ours, theirs, UNIT),
    met: ours >= required * theirs,
    stretchMet: ours >= (stretch ?? required) * theirs,
  };
}

export const shortRunsRow: Row = {
  name: 'short-runs',
  description: `${TOKENS} tokens at once, sent and followed to the end: complete runs per second`,
  measure: (bench) =>
    withChatServers(bench, [runtape(), aiSdk, langGraph()], async (servers) => {
      const { series, errors } = await measureInRounds(bench.rounds, servers, (server) =>
        measureShortRuns(bench, server),
      );
      const goals = [goalOf(series, 'AI SDK', 5, 10), goalOf(series, 'LangGraph + SQLite', 8)];
      return { row: 'short-runs', series, goals, errors, notes: [] };
    }),
};
