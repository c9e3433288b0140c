import { runChatLoad } from '../../load/chat-load.ts';
import { formatRatio, type Goal, median, medianOf, type Series } from '../../measure/result.ts';
import { measureInRounds } from '../../measure/rounds.ts';
import { aiSdk } from '../../systems/ai-sdk.ts';
import { langGraph } from '../../systems/langgraph.ts';
import { runtape } from '../../systems/runtape.ts';
import { withChatServers } from '../chat-servers.ts';
import type { Row } from '../row.ts';

const TOKENS = 20;
const FIRST_TOKEN = 'first token, p50';
const REQUIRED_RATIO = 0.5;
const STRETCH_MILLISECONDS = 2;

function goalOf(series: Series[]): Goal {
  const [ours, theirs] = [medianOf(series, 'Runtape', FIRST_TOKEN), medianOf(series, 'AI SDK', FIRST_TOKEN)];
  return {
    name: 'first event p50, one run, against AI SDK',
    required: '≤ ½',
    stretch: `≤ ${STRETCH_MILLISECONDS} ms`,
    measured: formatRatio(ours, theirs, 'ms'),
    met: ours <= REQUIRED_RATIO * theirs,
    stretchMet: ours <= STRETCH_MILLISECONDS,
  };
}

export const firstEventRow: Row = {
  name: 'first-event',
  description: 'from sending a message until the client has its first token, one run at a time',
  measure: (bench) =>
    withChatServers(bench, [runtape(), aiSdk, langGraph()], async (servers) => {
      const { series, errors } = await measureInRounds(bench.rounds, servers, async (server) => {
        const load = { prompt: { tokens: TOKENS, paceMilliseconds: 0 }, clients: 1, seconds: bench.seconds };
        const result = await bench.saturation.during(server.name, () => runChatLoad(server, load));
        const value = median(result.timings.map(({ sentAt, firstAt }) => firstAt - sentAt));
        bench.log(`${server.name}: ${value.toFixed(2)} ms`);
        return { values: [{ metric: FIRST_TOKEN, unit: 'ms', value }], errors: result.errors };
      });
      return { row: 'first-event', series, goals: [goalOf(series)], errors, notes: [] };
    }),
};
