import { type ChatLoad, runChatLoad } from '../../load/chat-load.ts';
import { limitGoal, medianOf } from '../../measure/result.ts';
import { measureInRounds, type Sample } from '../../measure/rounds.ts';
import { cpuSeconds } from '../../processes/usage.ts';
import { aiSdk } from '../../systems/ai-sdk.ts';
import { langGraph } from '../../systems/langgraph.ts';
import { runtape } from '../../systems/runtape.ts';
import { withChatServers } from '../chat-servers.ts';
import type { Row } from '../row.ts';

const MICROSECONDS_PER_SECOND = 1e6;

type Load = Pick<ChatLoad, 'prompt' | 'clients'> & { metric: string };

const SHORT: Load = { metric: 'short runs, 64 at a time', prompt: { tokens: 20, paceMilliseconds: 0 }, clients: 64 };
const PACED: Load = { metric: 'paced, 16 at a time', prompt: { tokens: 200, paceMilliseconds: 5 }, clients: 16 };

export const cpuPerTokenRow: Row = {
  name: 'cpu-per-token',
  description: 'processor time of the server per delivered token',
  measure: (bench) =>
    withChatServers(bench, [runtape(), aiSdk(), langGraph()], async (servers) => {
      const { series, errors } = await measureInRounds(bench.rounds, servers, async (server) => {
        const sample: Sample = { values: [], errors: 0 };
        for (const { metric, prompt, clients } of [SHORT, PACED]) {
          const before = cpuSeconds(server.processId);
          const result = await bench.saturation.during(`${server.name}, ${metric}`, () =>
            runChatLoad(server, { prompt, clients, seconds: bench.seconds }),
          );
          const tokens = result.timings.reduce((sum, timing) => sum + timing.tokens, 0);
          const value = ((cpuSeconds(server.processId) - before) / tokens) * MICROSECONDS_PER_SECOND;
          sample.values.push({ metric, unit: 'µs', value });
          sample.errors += result.errors;
          bench.log(`${server.name}, ${metric}: ${value.toFixed(0)} µs`);
        }
        return sample;
      });
      const cpuOf = (load: Load) => medianOf(series, 'Runtape', load.metric);
      const goals = [
        limitGoal(`CPU per token, ${SHORT.metric}`, cpuOf(SHORT), 'µs', 60, 40),
        limitGoal(`CPU per token, ${PACED.metric}`, cpuOf(PACED), 'µs', 150, 100),
      ];
      return { row: 'cpu-per-token', series, goals, errors, notes: [] };
    }),
};
