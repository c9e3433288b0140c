import { type ChatLoadResult, runChatLoad } from '../../load/chat-load.ts';
import { measureDeliveries } from '../../load/followers.ts';
import { openGraphqlSocket } from '../../load/graphql-socket.ts';
import { limitGoal, medianOf } from '../../measure/result.ts';
import { measureInRounds, type Sample } from '../../measure/rounds.ts';
import { promptText } from '../../model/prompt.ts';
import { createQueuedRun, type FollowedRun } from '../../systems/fanout.ts';
import { runtapeClient } from '../../systems/runtape.ts';
import { type RuntapeServer, startRuntape } from '../../systems/runtape-server.ts';
import type { BenchContext, Row } from '../row.ts';

const FOLLOWERS = 1000;
const CLIENTS = 64;
const PACE_MILLISECONDS = 50;
const SHORT = { tokens: 20, paceMilliseconds: 0 };
const WARM_UP_SECONDS = 3;
const P99 = 'event-loop delay, p99';
const WORST = 'event-loop delay, worst';

/** Measures while clients send short messages and many followers follow one long run. */
async function measureDelays({ seconds }: BenchContext, server: RuntapeServer): Promise<Sample> {
  const chat = { connect: async () => runtapeClient(await openGraphqlSocket(server.url)) };
  const client = await openGraphqlSocket(server.url);
  const text = promptText({ tokens: (seconds * 1000) / PACE_MILLISECONDS, paceMilliseconds: PACE_MILLISECONDS });
  const loads: Promise<ChatLoadResult>[] = [];
  const createRun = async (): Promise<FollowedRun> => {
    const run = await createQueuedRun(client, text);
    return {
      ...run,
      source: null,
      async begin() {
        await server.diagnostics.beginDelays();
        loads.push(runChatLoad(chat, { prompt: SHORT, clients: CLIENTS, seconds }));
        await run.begin();
      },
    };
  };
  const followed = await measureDeliveries({ ...server, createRun }, FOLLOWERS, seconds);
  const delays = await server.diagnostics.endDelays();
  const [result] = await Promise.all(loads);
  client.close();
  const runs = result ? result.timings.length / result.seconds : 0;
  return {
    values: [
      { metric: P99, unit: 'ms', value: delays.p99 },
      { metric: WORST, unit: 'ms', value: delays.worst },
      { metric: 'short runs', unit: '/s', value: runs },
      { metric: 'deliveries', unit: '/s', value: followed.deliveries / followed.seconds },
    ],
    errors: followed.errors + (result?.errors ?? 0),
  };
}

export const eventLoopDelayRow: Row = {
  name: 'event-loop-delay',
  description: `how late timers of the server are with ${CLIENTS} short runs at a time, while ${FOLLOWERS} clients follow one run`,
  async measure(bench) {
    const server = await startRuntape({ modelUrl: bench.modelUrl, hasDiagnostics: true });
    try {
      await measureDelays({ ...bench, seconds: WARM_UP_SECONDS }, server);
      const { series, errors } = await measureInRounds(bench.rounds, [{ name: 'Runtape' }], async ({ name }) => {
        const sample = await bench.saturation.during(name, () => measureDelays(bench, server));
        bench.log(sample.values.map(({ metric, unit, value }) => `${metric} ${value.toFixed(1)} ${unit}`).join(', '));
        return sample;
      });
      const name = `event-loop delay p99, ${CLIENTS} runs at a time with ${FOLLOWERS} followers`;
      const goals = [limitGoal(name, medianOf(series, 'Runtape', P99), 'ms', 10, 5)];
      return { row: 'event-loop-delay', series, goals, errors, notes: [] };
    } finally {
      await server.stop();
    }
  },
};
