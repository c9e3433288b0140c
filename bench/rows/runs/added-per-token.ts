import { runChatLoad } from '../../load/chat-load.ts';
import { type Goal, median, quantile, ratioGoal, type Series } from '../../measure/result.ts';
import { measureInRounds, type Sample } from '../../measure/rounds.ts';
import { aiSdk } from '../../systems/ai-sdk.ts';
import { langGraph } from '../../systems/langgraph.ts';
import { runtape } from '../../systems/runtape.ts';
import { withChatServers } from '../chat-servers.ts';
import type { Row } from '../row.ts';

const TOKENS = 200;
const PACE_MILLISECONDS = 5;
const CLIENTS = [1, 16];

const metricOf = (percentile: 'p50' | 'p99', clients: number) => `added per token, ${percentile}, ${clients} at a time`;

const goalsOf = (series: Series[]): Goal[] =>
  [
    { metric: metricOf('p50', 1), required: 1.2, stretch: 0.9 },
    { metric: metricOf('p99', 16), required: 1, stretch: 0.5 },
  ].map((goal) =>
    ratioGoal(series, {
      ...goal,
      name: `${goal.metric}, at ${PACE_MILLISECONDS} ms pace, against AI SDK`,
      unit: 'ms',
      peer: 'AI SDK',
      bound: 'at most',
    }),
  );

export const addedPerTokenRow: Row = {
  name: 'added-per-token',
  description: `a token every ${PACE_MILLISECONDS} ms: delay from the model to the client`,
  measure: (bench) =>
    withChatServers(bench, [runtape(), aiSdk(), langGraph()], async (servers) => {
      const { series, errors } = await measureInRounds(bench.rounds, servers, async (server) => {
        const sample: Sample = { values: [], errors: 0 };
        for (const clients of CLIENTS) {
          const prompt = { tokens: TOKENS, paceMilliseconds: PACE_MILLISECONDS };
          const load = { prompt, clients, seconds: bench.seconds, recordDelays: true };
          const result = await bench.saturation.during(`${server.name}, ${clients}`, () => runChatLoad(server, load));
          const delays = result.timings.flatMap((timing) => timing.delays);
          const [p50, p99] = [median(delays), quantile(delays, 0.99)];
          sample.values.push({ metric: metricOf('p50', clients), unit: 'ms', value: p50 });
          sample.values.push({ metric: metricOf('p99', clients), unit: 'ms', value: p99 });
          sample.errors += result.errors;
          bench.log(`${server.name}, ${clients} at a time: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`);
        }
        return sample;
      });
      return { row: 'added-per-token', series, goals: goalsOf(series), errors, notes: [] };
    }),
};
