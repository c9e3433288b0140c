import { runChatLoad } from '../../load/chat-load.ts';
import { formatRatio, type Goal, median, medianOf, type Series } from '../../measure/result.ts';
import { measureInRounds, type Sample } from '../../measure/rounds.ts';
import { aiSdk } from '../../systems/ai-sdk.ts';
import { langGraph } from '../../systems/langgraph.ts';
import { runtape } from '../../systems/runtape.ts';
import { withChatServers } from '../chat-servers.ts';
import type { Row } from '../row.ts';

const TOKENS = 200;
const PACE_MILLISECONDS = 5;
const CLIENTS = [1, 8];
const STRETCH_MILLISECONDS = 1.1;

const metricOf = (clients: number) => `added per token, p50, ${clients} at a time`;

function goalOf(series: Series[]): Goal {
  const [ours, theirs] = [medianOf(series, 'Runtape', metricOf(1)), medianOf(series, 'AI SDK', metricOf(1))];
  return {
    name: `added per token at ${PACE_MILLISECONDS} ms pace, p50, against AI SDK`,
    required: '≤ 1 ×',
    stretch: `≤ ${STRETCH_MILLISECONDS} ms`,
    measured: formatRatio(ours, theirs, 'ms'),
    met: ours <= theirs,
    stretchMet: ours <= STRETCH_MILLISECONDS,
  };
}

export const addedPerTokenRow: Row = {
  name: 'added-per-token',
  description: `a token every ${PACE_MILLISECONDS} ms: delay from the model to the client`,
  measure: (bench) =>
    withChatServers(bench, [runtape(), aiSdk, langGraph()], async (servers) => {
      const { series, errors } = await measureInRounds(bench.rounds, servers, async (server) => {
        const sample: Sample = { values: [], errors: 0 };
        for (const clients of CLIENTS) {
          const prompt = { tokens: TOKENS, paceMilliseconds: PACE_MILLISECONDS };
          const load = { prompt, clients, seconds: bench.seconds, recordDelays: true };
          const result = await bench.saturation.during(`${server.name}, ${clients}`, () => runChatLoad(server, load));
          const value = median(result.timings.flatMap(({ delays }) => delays));
          sample.values.push({ metric: metricOf(clients), unit: 'ms', value });
          sample.errors += result.errors;
          bench.log(`${server.name}, ${clients} at a time: ${value.toFixed(2)} ms`);
        }
        return sample;
      });
      return { row: 'added-per-token', series, goals: [goalOf(series)], errors, notes: [] };
    }),
};
