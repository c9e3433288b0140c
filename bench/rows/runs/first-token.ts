import { runChatLoad } from '../../load/chat-load.ts';
import { median, ratioGoal } from '../../measure/result.ts';
import { measureInRounds } from '../../measure/rounds.ts';
import { aiSdk } from '../../systems/ai-sdk.ts';
import { langGraph } from '../../systems/langgraph.ts';
import { runtape } from '../../systems/runtape.ts';
import { withChatServers } from '../chat-servers.ts';
import type { Row } from '../row.ts';

const TOKENS = 20;
const FIRST_TOKEN = 'first token, p50';

export const firstTokenRow: Row = {
  name: 'first-token',
  description: 'from sending a message until the client has its first token, one run at a time',
  measure: (bench) =>
    withChatServers(bench, [runtape(), aiSdk(), langGraph()], async (servers) => {
      const { series, errors } = await measureInRounds(bench.rounds, servers, async (server) => {
        const load = { prompt: { tokens: TOKENS, paceMilliseconds: 0 }, clients: 1, seconds: bench.seconds };
        const result = await bench.saturation.during(server.name, () => runChatLoad(server, load));
        const value = median(result.timings.map(({ sentAt, firstAt }) => firstAt - sentAt));
        bench.log(`${server.name}: ${value.toFixed(2)} ms`);
        return { values: [{ metric: FIRST_TOKEN, unit: 'ms', value }], errors: result.errors };
      });
      const goal = ratioGoal(series, {
        name: 'first token p50, one run, against AI SDK',
        metric: FIRST_TOKEN,
        unit: 'ms',
        peer: 'AI SDK',
        bound: 'at most',
        required: 0.8,
        stretch: 0.5,
      });
      return { row: 'first-token', series, goals: [goal], errors, notes: [] };
    }),
};
