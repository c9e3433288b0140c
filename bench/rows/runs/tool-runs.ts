import { ratioGoal } from '../../measure/result.ts';
import { measureInRounds } from '../../measure/rounds.ts';
import type { Prompt } from '../../model/prompt.ts';
import { aiSdk } from '../../systems/ai-sdk.ts';
import { runtape } from '../../systems/runtape.ts';
import { withChatServers } from '../chat-servers.ts';
import type { Row } from '../row.ts';
import { measureRuns, metricOf, UNIT } from './short-runs.ts';

const CLIENTS = [1, 8, 64];
const PROMPT: Prompt = { tokens: 20, paceMilliseconds: 0, behaviour: 'call=clock' };

export const toolRunsRow: Row = {
  name: 'tool-runs',
  description: 'the model calls a tool that tells the time, and then answers with 20 tokens: complete runs per second',
  measure: (bench) =>
    withChatServers(bench, [runtape(), aiSdk({ tools: true })], async (servers) => {
      const { series, errors } = await measureInRounds(bench.rounds, servers, (server) =>
        measureRuns(bench, server, PROMPT, CLIENTS),
      );
      const goals = [8, 64].map((clients) =>
        ratioGoal(series, {
          name: `runs/s with a tool call, ${metricOf(clients)}, against AI SDK`,
          metric: metricOf(clients),
          unit: UNIT,
          peer: 'AI SDK',
          bound: 'at least',
          required: 2,
          stretch: 4,
        }),
      );
      return { row: 'tool-runs', series, goals, errors, notes: [] };
    }),
};
