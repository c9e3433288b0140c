import { setTimeout as sleep } from 'node:timers/promises';
import { runChatLoad } from '../../load/chat-load.ts';
import { openFollowers } from '../../load/followers.ts';
import { openGraphqlSocket } from '../../load/graphql-socket.ts';
import { limitGoal } from '../../measure/result.ts';
import { type Prompt, promptText } from '../../model/prompt.ts';
import { residentMegabytes } from '../../processes/usage.ts';
import { newSessionKey, resolveSession, runtapeClient, sendAndFollow } from '../../systems/runtape.ts';
import { type RuntapeServer, startRuntape } from '../../systems/runtape-server.ts';
import type { BenchContext, Row } from '../row.ts';

const FOLLOWERS = 1000;
/** One megabyte of events for each follower. More would exceed what the system allows all connections together. */
const STALLED_PROMPT: Prompt = { tokens: 130, paceMilliseconds: 1, tokenCharacters: 1500 };
const STALLED_RUNS = 5;
const FOLLOW_SESSION = `subscription Follow($sessionId: ID!) {
  sessionEvents(sessionId: $sessionId) { __typename runId seq cursor type ... on OutputDeltaEvent { text } }
}`;
const STALLED_NOTE = 'each stalled follower has 1 MB of unread events, part of it in the buffers of the system';
const QUIET_SECONDS = 3;
/** Each load runs this many times as long as a measurement. */
const LOAD_FACTOR = 4;

const loads: { prompt: Prompt; clients: number }[] = [
  { prompt: { tokens: 20, paceMilliseconds: 0 }, clients: 64 },
  { prompt: { tokens: 200, paceMilliseconds: 5 }, clients: 32 },
  { prompt: { tokens: 5000, paceMilliseconds: 0 }, clients: 4 },
];

const waitUntilQuiet = () => sleep(QUIET_SECONDS * 1000);

async function runLoads(bench: BenchContext, server: RuntapeServer): Promise<number> {
  let errors = 0;
  const chatServer = { connect: async () => runtapeClient(await openGraphqlSocket(server.url)) };
  for (const load of loads) {
    const result = await runChatLoad(chatServer, { ...load, seconds: bench.seconds * LOAD_FACTOR });
    errors += result.errors;
    bench.log(`${result.timings.length} runs of ${load.prompt.tokens} tokens, ${load.clients} at a time`);
  }
  return errors;
}

/** Returns the memory that the server needs for followers that stop reading while their session continues. */
async function measureStalledFollowers(server: RuntapeServer): Promise<number> {
  const client = await openGraphqlSocket(server.url);
  const sessionKey = newSessionKey();
  const subscription = { query: FOLLOW_SESSION, variables: { sessionId: await resolveSession(client, sessionKey) } };
  const sockets = await openFollowers(server.url, { subscription }, FOLLOWERS, () => undefined);
  await waitUntilQuiet();
  for (const socket of sockets) socket.pause();
  const before = residentMegabytes(server.processId);
  const message = { sessionKey, text: promptText(STALLED_PROMPT) };
  for (let run = 0; run < STALLED_RUNS; run += 1) await sendAndFollow(client, message);
  await waitUntilQuiet();
  const growth = residentMegabytes(server.processId) - before;
  for (const socket of [...sockets, client]) socket.close();
  return growth;
}

export const memoryRow: Row = {
  name: 'memory',
  description: `resident memory: at start, after load, and added by ${FOLLOWERS} followers that stop reading`,
  async measure(bench) {
    const server = await startRuntape({ modelUrl: bench.modelUrl });
    try {
      await waitUntilQuiet();
      const atStart = residentMegabytes(server.processId);
      bench.log(`at start: ${atStart.toFixed(0)} MB`);
      const errors = await bench.saturation.during('memory', () => runLoads(bench, server));
      await waitUntilQuiet();
      const afterLoad = residentMegabytes(server.processId);
      bench.log(`after load: ${afterLoad.toFixed(0)} MB`);
      const stalled = await measureStalledFollowers(server);
      const values = { 'at start': atStart, 'after load': afterLoad, [`${FOLLOWERS} stalled followers add`]: stalled };
      return {
        row: 'memory',
        errors,
        notes: ['one round, because the server starts once', STALLED_NOTE],
        series: Object.entries(values).map(([metric, value]) => ({
          subject: 'Runtape',
          metric,
          unit: 'MB',
          values: [value],
        })),
        goals: [
          limitGoal('memory at start', atStart, 'MB', 110, 90),
          limitGoal('memory after the load of this row', afterLoad, 'MB', 200, 160),
          limitGoal('memory per stalled follower', (stalled * 1000) / FOLLOWERS, 'KB', 30, 10),
        ],
      };
    } finally {
      await server.stop();
    }
  },
};
